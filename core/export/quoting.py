"""Names of a schedule inside other languages, so that no name can end the place it stands in.

A name is any text without control characters. Module paths need no quoting: letters, digits,
hyphens, underscores and dots.
"""

from __future__ import annotations

import json

from core.errors import one_line


def python(value: object) -> str:
    """A Python literal for text, numbers, None, and lists, tuples or dicts of them.

    What is not printable, such as a sign that turns the reading direction, is escaped.
    """
    return repr(value)


def comment(text: str) -> str:
    """Text that may follow a comment sign: one line, without characters that hide others."""
    return one_line(text)


def javascript(value: object) -> str:
    """A JSON value that may also stand inside a `<script>` of an HTML page."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
