"""What a hand did in the timeline, as the browser sends it and as Python reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.design.document import Window
from pages.components.axis import Span


@dataclass(frozen=True, slots=True)
class WindowsEdit:
    """New windows of every group, drawn on the schedule with that revision number."""

    windows: dict[str, tuple[Window, ...]]
    revision: int


@dataclass(frozen=True, slots=True)
class CurveEdit:
    """New numbers for the shared curve; None is what the curve does not have.

    `floor` is a share of the peak, `floor_lr` one rate for all, `cooldown` a share of what is left
    after warmup; `restart` says whether the curve begins anew when a group first thaws.
    """

    warmup_epochs: float
    start_factor: float
    floor: float | None
    floor_lr: float | None
    cooldown: float | None
    restart: bool


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
            "floor_lr": int() | float() | None as floor_lr,
            "cooldown": int() | float() | None as cooldown,
            "restart": bool(restart),
        }:
            return CurveEdit(
                warmup_epochs=float(warmup),
                start_factor=float(start),
                floor=_float(floor),
                floor_lr=_float(floor_lr),
                cooldown=_float(cooldown),
                restart=restart,
            )
    return None


def read_history(value: object) -> Literal["undo", "redo"] | None:
    """Which way to go in the history, if that is the edit that the browser sent."""
    match value:
        case {"kind": "history", "way": "undo"}:
            return "undo"
        case {"kind": "history", "way": "redo"}:
            return "redo"
    return None


def read_selection(value: object) -> tuple[str, int] | None:
    """A group's name and the index of its window as the browser sent them, or None."""
    match value:
        case {"group": str(name), "window": int(index)}:
            return name, index
    return None


def read_span(value: object) -> Span | None:
    """The part of the run that is shown, in epochs, as the browser sent it; None for all of it."""
    match value:
        case [int() | float() as start, int() | float() as end] if 0 <= start < end:
            return float(start), float(end)
    return None


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


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
