"""What schedules and records do differently, in words and numbers, without torch."""
