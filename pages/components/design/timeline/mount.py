"""The timeline as a Streamlit component: data goes in, events come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import streamlit as st

from pages.components.design.timeline.bundle import bundle
from pages.components.design.timeline.data import TimelineData
from pages.components.design.timeline.events import Event, read_event
from pages.components.shared import axis
from pages.components.shared.state import current

_HERE = Path(__file__).parent
_STYLES = ("timeline.css", "rows.css", "narrow.css")
_GUTTERS = f".thaw {{ --left: {axis.TRACK_LEFT}px; --right: {axis.TRACK_RIGHT}px; }}"


def timeline(data: TimelineData, *, key: str, on_event: Callable[[Event], None]) -> None:
    """Show the timeline. `on_event` gets each event before the script runs again.

    So the whole page is drawn once, with the edit in it.
    """

    def take() -> None:
        state = cast("Mapping[str, Any]", st.session_state.get(key) or {})
        value, design = state.get("event"), current().design
        seq = value.get("seq") if isinstance(value, Mapping) else None
        if not isinstance(seq, int) or seq <= design.timeline_events:
            return  # it was sent again, and has been taken
        design.timeline_events = seq
        if (event := read_event(value)) is not None:
            on_event(event)

    # `ack` changes with every event, so that a refused edit is drawn over as well.
    sent = {**data, "ack": current().design.timeline_events}
    _component()(key=key, data=sent, on_event_change=take)


@cache
def _component() -> Any:
    styles = [(_HERE / name).read_text(encoding="utf-8") for name in _STYLES]
    return st.components.v2.component(
        "thaw_timeline", js=bundle(_HERE / "js" / "main.js"), css="\n".join([_GUTTERS, *styles])
    )
