"""What a hand did in the timeline, as the browser sends it and as Python reads it."""

from __future__ import annotations

from dataclasses import dataclass

from core.design.spec import Window


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


def read_selection(value: object) -> tuple[str, int] | None:
    """A group's name and the index of its window as the browser sent them, or None."""
    match value:
        case {"group": str(name), "window": int(index)}:
            return name, index
    return None


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
