"""The timeline as a Streamlit component: data goes in, events come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import streamlit as st

from pages.components.design.timeline.bundle import bundle
from pages.components.design.timeline.data import TimelineData, rows
from pages.components.design.timeline.events import Event, read_event
from pages.components.shared import axis
from pages.components.shared.state import current

_HERE = Path(__file__).parent
_STYLES = ("timeline.css", "rows.css", "narrow.css")
_GUTTERS = f"--left: {axis.TRACK_LEFT}px; --right: {axis.TRACK_RIGHT}px;"
_ROWS = """
  --room: calc(100vh - 564px);
  --row: clamp(var(--least, 20px), round(down, var(--room) / var(--rows), 1px), 48px);
  --rows-high: calc(min(var(--rows) * var(--row), max(var(--room), 12 * var(--least, 20px))) + 8px);
"""
"""The heights of a row and of all `--rows` of them, in CSS: the rate chart stays in sight below.

564 px are what stands above and below them, the chart included. Where they are as low as may be and
still have not room enough, they scroll.
"""


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
    st.html(f"<style>{_room(rows(data))}</style>")
    _component()(key=key, data=sent, on_event_change=take)


def _room(count: int) -> str:
    """Return the rules that keep the timeline's place free until its script has drawn it."""
    place, wide = ".st-key-timeline", "calc(147px + var(--rows-high))"
    return (
        f"{place} {{ --rows: {count}; {_ROWS} min-height: {218 + count * 68}px; }} "
        f"@media (min-width: 790px) {{ {place} {{ min-height: {wide}; }} }} "
        f"@media (pointer: coarse) {{ {place} {{ --least: 44px; }} }}"
    )


@cache
def _component() -> Any:
    styles = [(_HERE / name).read_text(encoding="utf-8") for name in _STYLES]
    css = "\n".join([f".thaw {{ {_GUTTERS} {_ROWS} }}", *styles])
    return st.components.v2.component("thaw_timeline", js=bundle(_HERE / "js" / "main.js"), css=css)
