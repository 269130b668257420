"""Groups of several schedules that belong together: by name, then by the paths that they share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from core.schedule.paths import prefixes
from core.schedule.spec import AnyGroup, BaseGroup

GroupRow = tuple[AnyGroup | None, ...]
"""A group as it is in each of the schedules, in their order; None where one does not have it."""

_AnyGroup = TypeVar("_AnyGroup", bound=BaseGroup, covariant=True)


class Grouped(Protocol[_AnyGroup]):
    """A schedule, or anything else with groups."""

    @property
    def groups(self) -> tuple[_AnyGroup, ...]:
        """The groups, from input to output."""


def group_rows(schedules: Sequence[Grouped[AnyGroup]]) -> tuple[GroupRow[AnyGroup], ...]:
    """Return a row for every group of the schedules, from input to output.

    The order is that of the first schedule; a group that only a later one has comes after the group
    that it follows there. A group joins the row with its name, else the row with which it shares
    most paths: equal ones, or one inside the other.
    """
    rows: list[list[AnyGroup | None]] = []
    for at, schedule in enumerate(schedules):
        places = _places(rows, schedule.groups)
        before: list[AnyGroup | None] | None = None
        for group in schedule.groups:
            place = places.get(group.name)
            if place is None:
                row: list[AnyGroup | None] = [None] * len(schedules)
                behind = 0 if before is None else _place(rows, before) + 1
                rows.insert(behind if at else len(rows), row)
            else:
                row = place
            row[at] = group
            before = row
    return tuple(tuple(row) for row in rows)


def _places(
    rows: Sequence[list[AnyGroup | None]], groups: Sequence[AnyGroup]
) -> dict[str, list[AnyGroup | None]]:
    """Return the row of each group, by the group's name; a new group has none."""
    row_of: dict[str, list[AnyGroup | None]] = {}
    free = list(rows)
    for most in (1, None):  # by the first name of a row, then by any other of its names
        for group in groups:
            named = (row for row in free if group.name in _names(row)[:most])
            if group.name not in row_of and (row := next(named, None)) is not None:
                row_of[group.name] = row
                free = [other for other in free if other is not row]
    left = [group for group in groups if group.name not in row_of]
    shared = [(count, -at, -place) for (at, place), count in _shared(left, free).items()]
    taken: set[int] = set()
    for _, at, place in sorted(shared, reverse=True):
        if left[-at].name not in row_of and -place not in taken:
            row_of[left[-at].name] = free[-place]
            taken.add(-place)
    return row_of


def _place(rows: Sequence[list[AnyGroup | None]], row: list[AnyGroup | None]) -> int:
    return next(at for at, each in enumerate(rows) if each is row)


def _names(row: Sequence[BaseGroup | None]) -> list[str]:
    return [group.name for group in row if group is not None]


def _shared(
    groups: Sequence[BaseGroup], rows: Sequence[Sequence[BaseGroup | None]]
) -> dict[tuple[int, int], int]:
    """Return the number of shared paths by (group index, row index), for pairs that share any.

    Two paths that are equal, or of which one lies inside the other, count as shared. A row counts
    as its group that shares most.
    """
    whole: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    above: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, row in enumerate(rows):
        for column, group in enumerate(row):
            for path in set(group.modules) if group is not None else ():
                whole[path].append((place, column))
                for prefix in prefixes(path)[:-1]:
                    above[prefix].append((place, column))
    most: dict[tuple[int, int], int] = {}
    for at, group in enumerate(groups):
        counts: Counter[tuple[int, int]] = Counter()
        for path in set(group.modules):
            counts.update(above.get(path, ()))
            for prefix in prefixes(path):
                counts.update(whole.get(prefix, ()))
        for (place, _), count in counts.items():
            most[at, place] = max(count, most.get((at, place), 0))
    return most
