"""The two typefaces (SIL Open Font License) as a stylesheet that needs no network.

Streamlit serves files only from a folder `static` in the root, which the root does not have; so the
fonts travel inside the stylesheet, about 120 kB that a browser keeps.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

_FACES = {"Inter": "inter.woff2", "JetBrains Mono": "jetbrains-mono.woff2"}


@cache
def font_faces() -> str:
    """Return CSS that defines `Inter` and `JetBrains Mono` in all weights, for Latin letters."""
    return "\n".join(_face(family, file) for family, file in _FACES.items())


def _face(family: str, file: str) -> str:
    data = b64encode(Path(__file__).with_name(file).read_bytes()).decode()
    return (
        f"@font-face {{ font-family: '{family}'; font-weight: 100 900; font-display: swap; "
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}"
    )
