"""Records of what a training loop does: document, reading, and the schedule that fits."""
