"""Ways to take a schedule elsewhere, a file per target."""
