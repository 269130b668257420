"""The exchange of the theme and the draft between a page and its browser tab.

The draft is the schedule, with the run settings, as the tab keeps it, so that a reload, which
begins a new session, does not lose it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from core import presets
from core.errors import LinkError
from core.schedule import link
from pages.components.shared import session

_HERE = Path(__file__).parent
_PAGE, _EDITS = "browser-tab", "browser-tab-edits"


def browser_tab(*, dark: bool) -> None:
    """Keep the draft in the tab, open an earlier one, and redraw the page if the theme changes.

    Streamlit reports a theme with the next rerun, but does not rerun the script by itself;
    charts have the colors of the one that they were drawn in.
    """
    _mount(_PAGE, {"theme": "dark" if dark else "light", "asks": session.is_new()})


def keep_draft() -> None:
    """Keep the draft also where a fragment is drawn, after an edit that does not draw the page."""
    _mount(_EDITS, {})


def _mount(key: str, data: dict[str, object]) -> None:
    kept = {"draft": _draft(), "settings": session.own_settings(), "keeps": not session.is_new()}
    _component()(
        key=f"{key}-script", data={**kept, **data}, on_event_change=_take, height="content"
    )


def _draft() -> str:
    """Return the preset that the schedule began as, and the schedule, empty if it is too large."""
    text = ""
    with suppress(LinkError):
        text = link.encode(session.schedule())
    return f"{session.preset_origin() or ''}.{text}"


def _take() -> None:
    """Use what the tab has kept. Of a theme it is enough to hear: the script runs again."""
    event: Any = (st.session_state.get(f"{_PAGE}-script") or {}).get("event") or {}
    if isinstance(settings := event.get("settings"), str):
        session.use_kept_settings(settings)
    if isinstance(draft := event.get("draft"), str):
        origin, _, text = draft.partition(".")
        known = origin if origin in presets.names() else None
        session.begin_with(text, known)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_browser_tab", js=(_HERE / "browser_tab.js").read_text(encoding="utf-8")
    )
