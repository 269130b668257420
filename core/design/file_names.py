"""What the file of a schedule is called."""

from __future__ import annotations


def file_name(name: str, suffix: str, joint: str = "-") -> str:
    """A plain file name out of any name: `gradual-unfreezing.json`, or `schedule.json`."""
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in name.lower())
    return f"{joint.join(words.split()) or 'schedule'}{suffix}"
