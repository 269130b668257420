"""Why a problem is one: an entry of text with its sources for every code, kept in why.md."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from core.errors import InputError, nearest

_TEXT = files("core.design") / "why.md"


def why(code: str) -> str:
    """The entry of a problem's code as Markdown, without its heading; lines are wrapped.

    Raises InputError with the nearest code if there is none of that name.
    """
    if code not in codes():
        raise InputError(
            "CODE", f"is {code!r}, which is not a problem code", nearest(code, codes())
        )
    return _entries()[code]


def codes() -> tuple[str, ...]:
    """Every code that has an entry, in the order of the text."""
    return tuple(_entries())


@cache
def _entries() -> dict[str, str]:
    _, *parts = re.split(r"^## (.+)$", _TEXT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {code: text.strip() for code, text in zip(parts[::2], parts[1::2], strict=True)}
