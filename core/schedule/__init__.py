"""The schedule: its document, its rates, its plan and its edits. Nothing here needs torch."""
