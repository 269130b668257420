"""The session's schedule as exported to each target, computed once for each state of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from core.errors import InputError
from core.export import csv, drawing, targets
from core.export.drawing import Draw, Kind
from core.export.export_result import Exported, ExportSource, Limitation
from core.files.home import is_demo
from pages.components.export import cited_run
from pages.components.shared import session


def exported(name: str) -> Exported | InputError:
    """Return the session's schedule as that target has it, or why it refuses."""
    try:
        return _exported(name, _source(name, drawing.draw_isolated if is_demo() else drawing.draw))
    except InputError as refused:
        return refused


def limitations(name: str) -> tuple[Limitation, ...] | InputError:
    """Return what that target cannot express, or why it refuses; nothing is drawn for that."""
    source = _source(name, _not_drawn)
    try:
        made = csv.without_rows(source) if name == "csv" else _exported(name, source)
    except InputError as refused:
        return refused
    return made.limitations


def _source(name: str, draw: Draw) -> ExportSource:
    facts = cited_run.facts() if targets.TARGETS[name].cites_run else ()
    return ExportSource(session.schedule(), session.steps_per_epoch(), session.table(), facts, draw)


def _not_drawn(_chart: dict[str, Any], _kind: Kind) -> bytes:
    return b""


def command(name: str) -> str:
    """Return the command that makes the same export of a schedule's file."""
    cites = targets.TARGETS[name].cites_run and cited_run.facts()
    return f"python -m core export FILE --to {name}{' --run DIR' if cites else ''}"


@lru_cache(maxsize=64)
def _exported(name: str, source: ExportSource) -> Exported:
    return targets.export(name, source)
