"""What can be set side by side, a schedule or the record of a loop, and what is asked of both."""

from __future__ import annotations

from typing import TypeAlias

from numpy.typing import ArrayLike

from core.design import curves, plan
from core.design.budget import budgets
from core.design.curves import Array
from core.design.record import Record, RecordedPart
from core.design.spec import Schedule

Comparable: TypeAlias = Schedule | Record


def lr(of: Comparable, name: str, t: ArrayLike) -> Array:
    """Rate of the group of that name at `t` epochs, whether or not it trains then."""
    return of.lr(name, t) if isinstance(of, Record) else curves.lr(of, of.group(name), t)


def peak(of: Comparable, name: str) -> float:
    """The highest rate of the group of that name."""
    return of.peak(name) if isinstance(of, Record) else curves.peak(of, of.group(name))


def changes_by_epoch(of: Comparable) -> bool:
    """Whether every rate stays for a whole epoch."""
    return of.is_stair if isinstance(of, Record) else of.lr.interval == "epoch"


def learning(of: Comparable) -> dict[str, float | None]:
    """Each group's share of learning, by its name, as in `core.design.budget`; None: never trains.

    That is the sum of its rate while it trains, over the sum of its rate at all times.
    """
    if isinstance(of, Record):
        return {group.name: _learning(of, group) for group in of.groups}
    found = zip(of.groups, budgets(of), strict=True)
    return {group.name: budget.learning if budget else None for group, budget in found}


def _learning(record: Record, group: RecordedPart) -> float | None:
    spans = plan.open_spans(group, record.epochs)
    if not spans:
        return None
    line = record.line(group.name)
    edges = line.sums([[e * record.steps_per_epoch for e in span] for span in spans])
    possible = float(line.sums(record.steps))
    received = float((edges[:, 1] - edges[:, 0]).sum())
    return received / possible if possible > 0 else 0.0
