"""Records of what a training loop does: the document, and the schedule that does the same."""
