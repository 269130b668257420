"""The session's schedule as exported to each target, computed once for each state of it."""

from __future__ import annotations

from functools import lru_cache

from core.errors import InputError
from core.export import drawing, targets
from core.export.export_result import Exported, ExportSource
from core.files.home import is_demo
from pages.components.export import cited_run
from pages.components.shared import session


def exported(name: str) -> Exported | InputError:
    """Return the session's schedule as that target has it, or why it refuses."""
    schedule = session.schedule()
    facts = cited_run.facts() if targets.TARGETS[name].cites_run else ()
    draw = drawing.draw_isolated if is_demo() else drawing.draw
    source = ExportSource(schedule, session.steps_per_epoch(), session.table(), facts, draw)
    try:
        return _exported(name, source)
    except InputError as refused:
        return refused


def command(name: str) -> str:
    """Return the command that makes the same export of a schedule's file."""
    cites = targets.TARGETS[name].cites_run and cited_run.facts()
    return f"python -m core export FILE --to {name}{' --run DIR' if cites else ''}"


@lru_cache(maxsize=64)
def _exported(name: str, source: ExportSource) -> Exported:
    return targets.export(name, source)
