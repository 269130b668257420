"""Names of a schedule inside other languages, so that no name can end the place it stands in.

A name is any text without control characters. Module paths need no quoting: letters, digits,
hyphens, underscores and dots.
"""

from __future__ import annotations

import re
from typing import Any

from core.errors import one_line

_SETS_SOMETHING = re.compile(r"(?<=\S)(?=[:=])|(?<=-)(?=\*)")
"""Inside `coding:`, `coding=`, `vim:`, `Local Variables:` and `-*-`."""


def python(value: Any) -> str:
    """Return a Python literal for text, numbers, None, and lists, tuples or dicts of them.

    Text stands in double quotes where it holds none; what is not printable, such as a sign that
    turns the reading direction, is escaped.
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
    """Text that may follow a comment sign: one line, nothing hidden, no setting of an editor.

    A space before each colon and equals sign, and in `-*-`, makes a setting plain text.
    """
    return _SETS_SOMETHING.sub(" ", one_line(text))
