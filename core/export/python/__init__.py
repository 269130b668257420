"""Pieces of exported Python code, which several targets share."""
