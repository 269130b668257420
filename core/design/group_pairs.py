"""Which groups of several schedules are the same: by name, then by the parts that they share."""

from __future__ import annotations

from collections.abc import Sequence

from core.design.layers import covers
from core.design.spec import Group, Schedule

Row = tuple[Group | None, ...]
"""One group as each of the schedules has it, in their order; None where one does not have it."""


def group_rows(schedules: Sequence[Schedule]) -> tuple[Row, ...]:
    """Every group of any of the schedules in exactly one row, from input to output.

    The order is the first schedule's; what only a later one has comes behind the group that it
    follows there. A group goes with the one of its name, or else with the one with which it shares
    most paths, where one path may lie inside another.
    """
    rows: list[list[Group | None]] = []
    for at, schedule in enumerate(schedules):
        places = _places(rows, schedule.groups)
        before: list[Group | None] | None = None
        for group in schedule.groups:
            place = places.get(group.name)
            if place is None:
                row: list[Group | None] = [None] * len(schedules)
                behind = 0 if before is None else _place(rows, before) + 1
                rows.insert(behind if at else len(rows), row)
            else:
                row = place
            row[at] = group
            before = row
    return tuple(tuple(row) for row in rows)


def _places(
    rows: Sequence[list[Group | None]], groups: Sequence[Group]
) -> dict[str, list[Group | None]]:
    """The row that each group goes to, by its name; a group that is new has none."""
    found: dict[str, list[Group | None]] = {}
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


def _place(rows: Sequence[list[Group | None]], row: list[Group | None]) -> int:
    return next(at for at, each in enumerate(rows) if each is row)


def _first(row: Sequence[Group | None]) -> Group:
    return next(group for group in row if group is not None)


def _shared(one: Group, other: Group) -> int:
    """How many pairs of their paths are equal, or lie one inside the other."""
    return sum(covers(a, b) or covers(b, a) for a in one.modules for b in other.modules)
