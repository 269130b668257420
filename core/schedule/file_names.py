"""What the file or folder of a schedule is called."""

from __future__ import annotations

import re


def file_name(name: str, suffix: str, joint: str = "-") -> str:
    """Return a plain file name out of any name: `gradual-unfreezing.json`, or `schedule.json`."""
    return f"{joint.join(_words(name)) or 'schedule'}{suffix}"


def slug(name: str, otherwise: str) -> str:
    """The beginning of a plain file name, of up to 40 characters; `otherwise` if nothing is left.

    As in `gradual-unfreezing`.
    """
    return "-".join(_words(name))[:40].strip("-") or otherwise


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.lower())
