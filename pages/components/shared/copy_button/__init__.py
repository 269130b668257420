"""A button that copies a whole text, of which a preview may show a part."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def copy_button(text: str, key: str = "copy") -> None:
    """Draw the button; `key` is no other's on the page."""
    _component()(key=key, data=text, width="content", height="content")


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_copy_button",
        js=(_HERE / "copy_button.js").read_text(encoding="utf-8"),
        css=(_HERE / "copy_button.css").read_text(encoding="utf-8"),
    )
