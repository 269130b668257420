"""The rate chart: its points, its layers, and how they are put together."""
