"""The average rates of two schedules, which may explain a difference better than its cause."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from statistics import fmean

from core.compare.align import GroupRow
from core.schedule import budget, edits, words
from core.schedule.document import MAX_NAME
from core.schedule.spec import Group, Schedule

MUCH = 2.0
"""Factor from which average rates differ much."""


def rate_factor(a: Schedule, b: Schedule, rows: Sequence[GroupRow[Group]]) -> float | None:
    """Return how many times as fast as `a` the schedule `b` trains, on average.

    It is the geometric mean over the groups that train in both, of their mean rates while they
    train. None where no group does at a rate above 0, and between optimizers of other kinds. `rows`
    are those of `group_rows((a, b))`.
    """
    if type(a.optimizer) is not type(b.optimizer):
        return None
    both = [
        (budget.mean_rate(a, before), budget.mean_rate(b, after))
        for before, after in rows
        if before and after
    ]
    factors = [log(of_b / of_a) for of_a, of_b in both if of_a > 0 and of_b > 0]
    return exp(fmean(factors)) if factors else None


def at_rate_of(schedule: Schedule, factor: float, other: str) -> Schedule:
    """Return the schedule with base rate times `factor`, named after the `other` whose rate it is.

    Raises ScheduleError if such a base rate is refused.
    """
    rate = float(f"{schedule.optimizer.base_lr * factor:.{words.MIN_DIGITS}g}")
    changed = edits.set_field(schedule, "optimizer.base_lr", rate)
    return edits.set_field(
        changed, "name", f"{schedule.name}, rates as in {other}"[:MAX_NAME].strip()
    )
