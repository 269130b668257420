"""Differences between schedules and records, in words and numbers, without torch."""
