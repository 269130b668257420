"""What a hand did in the timeline, as the browser sends it and as Python reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.schedule.document import Window
from pages.components.shared.axis import Span

Selection = tuple[str, int] | tuple[()]
"""A group's name and the index of its window, or () where nothing is selected."""


@dataclass(frozen=True, slots=True)
class WindowsEdit:
    """New windows of the groups that a hand has changed, and those that they had when it began."""

    windows: dict[str, tuple[Window, ...]]
    before: dict[str, tuple[Window, ...]]


@dataclass(frozen=True, slots=True)
class CurveEdit:
    """New numbers for the shared curve; None is what the hand left as it was.

    `floor` is a share of the peak, `floor_lr` one rate for all, `cooldown` a share of what is left
    after warmup; `restart` says whether the curve begins anew when a group first thaws.
    """

    warmup_epochs: float | None = None
    start_factor: float | None = None
    floor: float | None = None
    floor_lr: float | None = None
    cooldown: float | None = None
    restart: bool | None = None


_NUMBERS = ("warmup_epochs", "start_factor", "floor", "floor_lr", "cooldown")


def read_edit(value: object) -> WindowsEdit | CurveEdit | None:
    """An edit as the browser sent it, or None; whether it makes sense is for `merge` to say."""
    match value:
        case {"kind": "windows", "windows": dict(windows), "before": dict(before)} if (
            windows.keys() == before.keys()
        ):
            drawn, seen = _of_groups(windows), _of_groups(before)
            return None if drawn is None or seen is None else WindowsEdit(drawn, seen)
        case {"kind": "curve", **rest}:
            restart = rest.get("restart")
            numbers = {name: _number(rest[name]) for name in _NUMBERS if name in rest}
            if not isinstance(restart, bool | None) or None in numbers.values():
                return None
            return CurveEdit(**numbers, restart=restart)
    return None


def read_history(value: object) -> Literal["undo", "redo"] | None:
    """Return which way to go in the history, if that is the edit that the browser sent."""
    match value:
        case {"kind": "history", "way": "undo"}:
            return "undo"
        case {"kind": "history", "way": "redo"}:
            return "redo"
    return None


def read_selection(value: object) -> Selection | None:
    """A group's name and the index of its window as the browser sent them, or () for no group.

    None is nothing that a browser would send.
    """
    match value:
        case {"group": str(name), "window": int(index)}:
            return name, index
        case {"group": None}:
            return ()
    return None


def read_span(value: object) -> Span | None:
    """The part of the run that is shown, in epochs, as the browser sent it; None for all of it."""
    match value:
        case [int() | float() as start, int() | float() as end] if 0 <= start < end:
            return float(start), float(end)
    return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _of_groups(value: dict[object, object]) -> dict[str, tuple[Window, ...]] | None:
    """Return each group's windows as the browser sent them; None if some are not."""
    read = {str(name): _windows(spans) for name, spans in value.items()}
    windows = {name: spans for name, spans in read.items() if spans is not None}
    return windows if len(windows) == len(value) else None


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
