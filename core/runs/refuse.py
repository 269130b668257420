"""Which schedules are refused before anything runs: those with a problem of severity error."""

from __future__ import annotations

from core.design import problems
from core.design.spec import Schedule
from core.runs import tables


def refuse_errors(schedule: Schedule) -> None:
    """Raise ScheduleError with every problem of severity error, if there is one."""
    problems.refuse_errors(schedule, tables.find(schedule.model.name, tables.cache_folder()))
