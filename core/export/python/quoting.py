"""Quoting of a schedule's names in other languages, so that no name can end its literal.

A name is any text without control characters. Module paths need no quoting: letters, digits,
hyphens, underscores and dots.
"""

from __future__ import annotations

import re
from typing import Any

from core.errors import one_line

_EDITOR_SETTING = re.compile(r"(?<=\S)(?=[:=])|(?<=-)(?=\*)")
"""The place for a space in `coding:`, `coding=`, `vim:`, `Local Variables:` and `-*-`."""


def python(value: Any) -> str:
    """Return a Python literal for text, numbers, None, and lists, tuples or dicts of them.

    Text without double quotes is put into them. What is not printable, such as a sign that reverses
    the reading direction, is escaped.
    """
    match value:
        case str():
            text = repr(value)
            return text if '"' in text or "\\'" in text else f'"{text[1:-1]}"'
        case list():
            return f"[{', '.join(map(python, value))}]"
        case tuple():
            return f"({', '.join(map(python, value))}{',' if len(value) == 1 else ''})"
        case dict():
            return f"{{{', '.join(f'{python(k)}: {python(v)}' for k, v in value.items())}}}"
        case _:
            return repr(value)


def comment(text: str) -> str:
    """Return the text as a comment: in one line, with nothing hidden and no settings for an editor.

    A space before each colon and equals sign, and in `-*-`, turns settings into plain text.
    """
    return _EDITOR_SETTING.sub(" ", one_line(text))
