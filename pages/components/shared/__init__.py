"""Shared parts: the session, fields, frames, chart styles."""
