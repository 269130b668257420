"""What the page and its browser tab tell each other unseen: the theme, and the tab's draft.

The draft is the schedule, with the run settings, as the tab keeps it, so that a reload, which
begins a new session, does not lose it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from core.design import link, presets
from core.errors import LinkError
from pages.components import state

_HERE = Path(__file__).parent
_PAGE, _EDITS = "browser-tab", "browser-tab-edits"


def browser_tab(*, dark: bool) -> None:
    """Watch for another theme than the one of this page, keep the draft, and open an earlier one.

    Streamlit tells the script of a theme with the next rerun, but does not rerun it by itself;
    charts have the colors of the one that they were drawn in.
    """
    _mount(_PAGE, {"theme": "dark" if dark else "light", "asks": state.asks_for_settings()})


def keep_draft() -> None:
    """Keep the draft also where a fragment is drawn, after an edit that does not draw the page."""
    _mount(_EDITS, {})


def _mount(key: str, data: dict[str, object]) -> None:
    with st.container(key=key):
        _component()(
            key=f"{key}-script",
            data={"draft": _draft(), "keeps": not state.is_new(), **data},
            on_draft_change=_open,
            height="content",
        )


def _draft() -> str:
    """The preset that the schedule began as, the schedule, and the run settings, dots between them.

    A schedule that is too large is empty, and so are the settings where all are the first ones.
    """
    settings = state.settings().model_dump_json(exclude_defaults=True)
    text = ""
    with suppress(LinkError):
        text = link.encode(state.schedule())
    return f"{state.preset_origin() or ''}.{text}" + ("" if settings == "{}" else f".{settings}")


def _open() -> None:
    told: Any = (st.session_state.get(f"{_PAGE}-script") or {}).get("draft")
    if told is not None:
        origin, _, rest = str(told).partition(".")
        text, _, settings = rest.partition(".")
        known = origin if origin in presets.names() else None
        state.begin_with(text, known, settings)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_browser_tab", js=(_HERE / "browser_tab.js").read_text(encoding="utf-8")
    )
