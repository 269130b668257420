"""Draws the page anew when its theme changes, since charts have the colors of the one they saw."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def theme_watch(*, dark: bool) -> None:
    """Watch, unseen, for another theme than the one that this page is drawn in.

    Streamlit tells the script of a theme with the next rerun, but does not rerun it by itself.
    """
    with st.container(key="theme-watch"):
        _component()(key="theme", data="dark" if dark else "light", height="content")


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_theme_watch", js=(_HERE / "theme_watch.js").read_text(encoding="utf-8")
    )
