"""Names from outside as text, where Streamlit takes Markdown."""

from __future__ import annotations

import re

_REPLACED = re.compile(
    r"(?<=:)(?=[\w+/-])|(?<=@)(?=[\w-])|(?<=www)(?=\.)|(?<!\S)[<~>-](?=(->|[-=>])(?!\S))",
    re.IGNORECASE,
)
"""Places in text that can become an icon (`:home:`), a link (`www.`, `a@b.c`) or a sign (`->`)."""
_JOINER = "\u2060"
"""Has no width and breaks no line."""


def escape_markdown(text: str) -> str:
    """Return Markdown that shows exactly this text.

    What Streamlit replaces in text that has been parsed cannot be escaped: it is cut in two.
    Blanks at the ends would keep `**` around it from being bold.
    """
    cut = _REPLACED.sub(lambda found: found[0] + _JOINER, text)
    inner = cut.strip()
    before, _, after = cut.partition(inner) if inner else (cut, "", "")
    escaped = "".join(f"\\{c}" if c in "\\`*_{}[]()<>#+-.!|~$:&" else c for c in inner)
    return (
        "".join(f"&#{ord(c)};" for c in before) + escaped + "".join(f"&#{ord(c)};" for c in after)
    )
