"""Training: a schedule and its run settings in, events out."""
