"""Which schedules are refused before anything runs: those with a problem of severity error."""

from __future__ import annotations

from core import checks
from core.models import table_cache
from core.schedule.spec import Schedule


def refuse_errors(schedule: Schedule) -> None:
    """Raise ScheduleError with every problem of severity error, if there is one."""
    checks.refuse_errors(
        schedule, table_cache.find(schedule.model.name, table_cache.cache_folder())
    )
