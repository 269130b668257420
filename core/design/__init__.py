"""The schedule: its document, its law, its plan and its problems. Nothing here needs torch."""
