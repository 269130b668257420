"""Which schedules are refused before anything runs: those with a problem of severity error."""

from __future__ import annotations

from core.design import layers
from core.design.problems import errors
from core.design.spec import Schedule
from core.errors import InputError, ScheduleError


def refuse_errors(schedule: Schedule) -> None:
    """Raise ScheduleError with every problem of severity error, if there is one."""
    found = errors(schedule, layers.find(schedule.model.name))
    if found:
        raise ScheduleError([InputError(p.path, p.wrong, p.way_out) for p in found])
