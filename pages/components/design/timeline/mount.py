"""The timeline as a Streamlit component: data goes in, what was done with it comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import streamlit as st

from pages.components.design.timeline.bundle import bundle
from pages.components.design.timeline.data import TimelineData
from pages.components.design.timeline.edit import (
    CurveEdit,
    Selection,
    WindowsEdit,
    read_edit,
    read_history,
    read_selection,
    read_span,
)
from pages.components.shared.axis import Span
from pages.components.shared.state import current

_HERE = Path(__file__).parent
_STYLES = ("timeline.css", "rows.css", "narrow.css")
_PHONE = "Mobi"  # by which, as MDN says, a browser on a phone is told unless it hides that


@dataclass(frozen=True, slots=True)
class TimelineResult:
    """What the person did since the last run of the script; None is nothing of that kind.

    `playhead` is in epochs, `select` a group's name and the index of its window, or () when the
    last one was let go of; it also comes with an edit. `span` is a state, not an event: which part
    of the run the timeline shows, in epochs (None: all of it).
    """

    edit: WindowsEdit | CurveEdit | None = None
    playhead: float | None = None
    select: Selection | None = None
    history: Literal["undo", "redo"] | None = None
    span: Span | None = None


def timeline(
    data: TimelineData,
    *,
    key: str,
    on_event: Callable[[TimelineResult], None] | None = None,
) -> TimelineResult:
    """Show the timeline and return what was done with it.

    `on_event` gets each event on its own before the script runs again, so that the whole page is
    drawn once, with the edit in it. Use it or the returned value, not both.
    """

    def told(event: str) -> Callable[[], None]:
        def tell() -> None:
            value = _state(key).get(event)
            if event == "edit" and isinstance(value, Mapping):
                current().design.timeline_events = value.get("sequence", 0)
            if on_event is not None and value is not None:
                on_event(_result({event: value, "span": _state(key).get("span")}))

        return tell

    # Streamlit forgets what a component has told when another page is shown; the script, which
    # begins with the data's span then, tells only what changes.
    first = {"span": data["span"]}
    # `ack` changes with every edit, so a refused edit is drawn over as well.
    sent = {
        **data,
        "ack": current().design.timeline_events,
        "narrow": is_narrow(key),
    }
    shown = _component()(
        key=key,
        data=sent,
        default=first,
        on_edit_change=told("edit"),
        on_playhead_change=told("playhead"),
        on_select_change=told("select"),
        on_narrow_change=lambda: None,
        on_span_change=lambda: None,
    )
    return _result(shown)


def is_narrow(key: str) -> bool:
    """Return whether the timeline of that key was less than 700 px wide when it last told.

    Until it tells, whether its browser is a phone's: held upright, that draws the page once only.
    """
    told = _state(key).get("narrow")
    return _PHONE in st.context.headers.get("User-Agent", "") if told is None else bool(told)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_timeline",
        js=bundle(_HERE / "js" / "main.js"),
        css="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES),
    )


def _state(key: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", st.session_state.get(key) or {})


def _result(shown: Mapping[str, Any]) -> TimelineResult:
    edit, playhead = shown.get("edit"), shown.get("playhead")
    chosen = edit.get("selected") if isinstance(edit, Mapping) else shown.get("select")
    return TimelineResult(
        edit=read_edit(edit),
        playhead=float(playhead) if isinstance(playhead, int | float) else None,
        select=read_selection(chosen),
        history=read_history(edit),
        span=read_span(shown.get("span")),
    )
