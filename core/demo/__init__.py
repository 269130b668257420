"""The hosted demo: its limits, its queue, its uploads and its cleanup."""
