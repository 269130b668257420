"""Which schedules are refused before anything runs: those with a problem of severity error."""

from __future__ import annotations

from core.design.problems import errors
from core.design.spec import Schedule
from core.errors import InputError, ScheduleError
from core.runs import tables


def refuse_errors(schedule: Schedule) -> None:
    """Raise ScheduleError with every problem of severity error, if there is one."""
    found = errors(schedule, tables.find(schedule.model.name, tables.cache_folder()))
    if found:
        raise ScheduleError([InputError(p.path, p.wrong, p.way_out) for p in found])
