"""The session's schedule as exported to each target, computed once for each state of it."""

from __future__ import annotations

from functools import lru_cache

from core.errors import InputError
from core.export import drawing, targets
from core.export.export_result import Exported, ExportSource
from core.files.home import is_demo
from core.runs import report_facts
from core.runs.processes import launch
from core.schedule.spec import Schedule
from pages.components.shared import library_session, session, visible_runs

_RUNS_SEARCHED = 40


def exported(name: str) -> Exported | InputError:
    """Return the session's schedule as that target has it, or why it refuses."""
    schedule = session.schedule()
    run = (
        newest_audited_run(schedule) if name == "html" and library_session.no_home() is None else ()
    )
    draw = drawing.draw_isolated if is_demo() else drawing.draw
    source = ExportSource(schedule, session.steps_per_epoch(), session.table(), run, draw)
    try:
        return _exported(name, source)
    except InputError as refused:
        return refused


def newest_audited_run(schedule: Schedule) -> report_facts.ReportFacts:
    """Return the facts of the session's newest finished run of this schedule; empty without one."""
    for run in visible_runs.runs(launch.runs_folder())[:_RUNS_SEARCHED]:
        try:
            return report_facts.report_facts(run, schedule)
        except InputError:
            continue
    return ()


def command(name: str) -> str:
    """Return the command that makes the same export of a schedule's file."""
    return f"python -m core export FILE --to {name}"


@lru_cache(maxsize=64)
def _exported(name: str, source: ExportSource) -> Exported:
    return targets.export(name, source)
