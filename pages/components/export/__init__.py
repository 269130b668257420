"""The Export page's cards."""
