"""The timeline: a schedule drawn as bars that a hand can change."""
