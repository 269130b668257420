"""The texts of why.md: what each problem is, and why it is one, with sources."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from core.errors import InputError, nearest

_TEXT = files("core.checks") / "why.md"


def why(code: str) -> str:
    """Return the reasons and sources of a problem, as Markdown with wrapped lines.

    Raises InputError with the nearest code if there is none of that name.
    """
    return _entry(code)[1]


def meaning(code: str) -> str:
    """Return the sentence that says what the problem is.

    Raises InputError with the nearest code if there is none of that name.
    """
    return _entry(code)[0]


def codes() -> tuple[str, ...]:
    """Return every code that has an entry, in the order of the text."""
    return tuple(_entries())


def _entry(code: str) -> tuple[str, str]:
    if code not in codes():
        raise InputError(
            "CODE", f"is {code!r}, which is not a problem code", nearest(code, codes())
        )
    return _entries()[code]


@cache
def _entries() -> dict[str, tuple[str, str]]:
    """Return the first paragraph and the others of every entry, by its code."""
    _, *parts = re.split(r"^## (.+)$", _TEXT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    entries = {}
    for code, text in zip(parts[::2], parts[1::2], strict=True):
        first, _, others = text.strip().partition("\n\n")
        entries[code] = (first, others)
    return entries
