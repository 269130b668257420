"""Which groups of several schedules are the same: by name, then by the parts that they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeVar

from core.design.layers import prefixes
from core.design.spec import AnyPart, Part

Row = tuple[AnyPart | None, ...]
"""One group as each of the schedules has it, in their order; None where one does not have it."""

_AnyPart = TypeVar("_AnyPart", bound=Part, covariant=True)


class Grouped(Protocol[_AnyPart]):
    """A schedule, or what has groups as it does."""

    @property
    def groups(self) -> tuple[_AnyPart, ...]:
        """From input to output."""


def group_rows(schedules: Sequence[Grouped[AnyPart]]) -> tuple[Row[AnyPart], ...]:
    """Every group of any of the schedules in exactly one row, from input to output.

    The order is the first schedule's; what only a later one has comes behind the group that it
    follows there. A group goes with the one of its name, or else with the one with which it shares
    most paths, where one path may lie inside another.
    """
    rows: list[list[AnyPart | None]] = []
    for at, schedule in enumerate(schedules):
        places = _places(rows, schedule.groups)
        before: list[AnyPart | None] | None = None
        for group in schedule.groups:
            place = places.get(group.name)
            if place is None:
                row: list[AnyPart | None] = [None] * len(schedules)
                behind = 0 if before is None else _place(rows, before) + 1
                rows.insert(behind if at else len(rows), row)
            else:
                row = place
            row[at] = group
            before = row
    return tuple(tuple(row) for row in rows)


def _places(
    rows: Sequence[list[AnyPart | None]], groups: Sequence[AnyPart]
) -> dict[str, list[AnyPart | None]]:
    """The row that each group goes to, by its name; a group that is new has none."""
    found: dict[str, list[AnyPart | None]] = {}
    free = list(rows)
    for group in groups:
        row = next((row for row in free if _first(row).name == group.name), None)
        if row is not None:
            found[group.name] = row
            free = [other for other in free if other is not row]
    left = [group for group in groups if group.name not in found]
    shared = [
        (count, -at, -place)
        for at, group in enumerate(left)
        for place, row in enumerate(free)
        if (count := _shared(_first(row), group))
    ]
    taken: set[int] = set()
    for _, at, place in sorted(shared, reverse=True):
        if left[-at].name not in found and -place not in taken:
            found[left[-at].name] = free[-place]
            taken.add(-place)
    return found


def _place(rows: Sequence[list[AnyPart | None]], row: list[AnyPart | None]) -> int:
    return next(at for at, each in enumerate(rows) if each is row)


def _first(row: Sequence[AnyPart | None]) -> AnyPart:
    return next(group for group in row if group is not None)


def _shared(one: Part, other: Part) -> int:
    """How many pairs of their paths are equal, or lie one inside the other."""
    return _inside(one.modules, other.modules) + _inside(other.modules, one.modules, equal=False)


def _inside(inner: Sequence[str], outer: Sequence[str], *, equal: bool = True) -> int:
    """How many pairs of paths there are of which the first lies in the second, or equals it."""
    counts = Counter(outer)
    ends = None if equal else -1
    return sum(counts[prefix] for path in inner for prefix in prefixes(path)[:ends])
