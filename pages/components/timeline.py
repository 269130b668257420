"""The timeline: a Streamlit component that shows a schedule, and the edits that come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import streamlit as st

from pages.components.timeline_data import TimelineData, Window, timeline_data

__all__ = ["CurveEdit", "TimelineResult", "WindowsEdit", "read_edit", "timeline", "timeline_data"]

_HERE = Path(__file__)


@dataclass(frozen=True, slots=True)
class WindowsEdit:
    """New windows of every group, drawn on the schedule with that revision number."""

    windows: dict[str, tuple[Window, ...]]
    revision: int


@dataclass(frozen=True, slots=True)
class CurveEdit:
    """New numbers for the shared curve; `floor` is None where the curve has no floor factor."""

    warmup_epochs: float
    start_factor: float
    floor: float | None


@dataclass(frozen=True, slots=True)
class TimelineResult:
    """What the person did since the last run of the script; None is nothing of that kind.

    `playhead` is in epochs, `select` a group's name and the index of its window. `narrow` is a
    state, not an event: whether the timeline is less than 700 px wide.
    """

    edit: WindowsEdit | CurveEdit | None = None
    playhead: float | None = None
    select: tuple[str, int] | None = None
    history: Literal["undo", "redo"] | None = None
    narrow: bool = False


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
                st.session_state[f"{key}-ack"] = value.get("sequence", 0)
            if on_event is not None and value is not None:
                on_event(_result({event: value, "narrow": _state(key).get("narrow")}))

        return tell

    # `ack` changes with every edit, so a refused edit is drawn over as well.
    sent = {
        **data,
        "ack": st.session_state.get(f"{key}-ack", 0),
        "narrow": bool(_state(key).get("narrow")),
    }
    shown = _component()(
        key=key,
        data=sent,
        on_edit_change=told("edit"),
        on_playhead_change=told("playhead"),
        on_select_change=told("select"),
        on_history_change=told("history"),
        on_narrow_change=lambda: None,
    )
    return _result(shown)


def read_edit(value: object) -> WindowsEdit | CurveEdit | None:
    """An edit as the browser sent it, or None; whether it makes sense is for `edits` to say."""
    match value:
        case {"kind": "windows", "windows": dict(groups), "revision": int(revision)}:
            read = {str(name): _windows(spans) for name, spans in groups.items()}
            windows = {name: spans for name, spans in read.items() if spans is not None}
            return WindowsEdit(windows, revision) if len(windows) == len(groups) else None
        case {
            "kind": "curve",
            "warmup_epochs": int() | float() as warmup,
            "start_factor": int() | float() as start,
            "floor": int() | float() | None as floor,
        }:
            return CurveEdit(float(warmup), float(start), None if floor is None else float(floor))
    return None


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_timeline",
        js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
        css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    )


def _state(key: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", st.session_state.get(key) or {})


def _result(shown: Mapping[str, Any]) -> TimelineResult:
    select, history = shown.get("select"), shown.get("history")
    playhead = shown.get("playhead")
    return TimelineResult(
        edit=read_edit(shown.get("edit")),
        playhead=float(playhead) if isinstance(playhead, int | float) else None,
        select=(str(select["group"]), int(select["window"])) if select else None,
        history=history if history in ("undo", "redo") else None,
        narrow=bool(shown.get("narrow")),
    )


def _windows(spans: object) -> tuple[Window, ...] | None:
    """Windows as the browser sent them; None if they are not pairs of epochs."""
    if not isinstance(spans, list):
        return None
    windows: list[Window] = []
    for span in spans:
        match span:
            case [int(start), int() | None as end]:
                windows.append((start, end))
            case _:
                return None
    return tuple(windows)
