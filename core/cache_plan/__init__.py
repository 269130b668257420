"""Which of a frozen part's results a run keeps, planned from layer tables, without torch."""
