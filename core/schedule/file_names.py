"""File names made of the names of schedules."""

from __future__ import annotations

import re


def file_name(name: str, suffix: str, joint: str = "-") -> str:
    """Return a plain file name for any name: `gradual-unfreezing.json`, else `schedule.json`."""
    return f"{joint.join(_words(name)) or 'schedule'}{suffix}"


def slug(name: str, otherwise: str) -> str:
    """Return up to 40 plain characters of a name, as in `gradual-unfreezing`; else `otherwise`."""
    return "-".join(_words(name))[:40].strip("-") or otherwise


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.lower())
