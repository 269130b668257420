"""Thaw's engine: design a fine-tuning schedule, check it, and run exactly what was drawn."""
