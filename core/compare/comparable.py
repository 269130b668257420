"""Schedules and records of loops: what the comparison needs to know of both."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from core.records.model import Record, RecordGroup
from core.schedule import curves, plan
from core.schedule.budget import budgets
from core.schedule.curves import Array
from core.schedule.sampling import Indices
from core.schedule.spec import Schedule

Comparable: TypeAlias = Schedule | Record


def lr(of: Comparable, name: str, t: ArrayLike) -> Array:
    """Return the rate of the group of that name at `t` epochs, also while it is frozen."""
    return of.lr(name, t) if isinstance(of, Record) else curves.lr(of, of.group(name), t)


def peak(of: Comparable, name: str) -> float:
    """Return the highest rate of the group of that name."""
    return of.peak(name) if isinstance(of, Record) else curves.peak(of, of.group(name))


def changes_by_epoch(of: Comparable) -> bool:
    """Return whether rates change only between epochs."""
    return of.is_stair if isinstance(of, Record) else of.lr.interval == "epoch"


def learning(of: Comparable) -> dict[str, float | None]:
    """Return each group's share of learning, as in `core.schedule.budget`; None if it never trains.

    It is the area under the rate while the group trains, over the area under the whole curve.
    """
    if isinstance(of, Record):
        return {group.name: _learning(of, group) for group in of.groups}
    pairs = zip(of.groups, budgets(of), strict=True)
    return {group.name: budget.learning if budget else None for group, budget in pairs}


def _learning(record: Record, group: RecordGroup) -> float | None:
    spans = plan.training_spans(group, record.epochs)
    if not spans:
        return None
    edges = np.array(spans) * record.steps_per_epoch
    areas = _areas(record, group, edges)
    possible = float(_areas(record, group, np.array(record.steps)))
    received = float((areas[:, 1] - areas[:, 0]).sum())
    return received / possible if possible > 0 else 0.0


def _areas(record: Record, group: RecordGroup, steps: Indices) -> Array:
    """Return the area under the group's curve up to each of those steps, without its scale.

    Between two steps the rate goes straight, or stays where rates change by epoch.
    """
    line = record.line(group.name)
    if record.is_stair:
        return line.sums(steps)
    return line.sums(steps) + (line.at(np.minimum(steps, record.steps - 1)) - line.at(0)) / 2
