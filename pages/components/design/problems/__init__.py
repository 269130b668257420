"""The Problems card: what is wrong or unwise, with fixes and reasons."""
