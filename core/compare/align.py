"""Which groups of several schedules are the same: by name, then by the parts that they share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from core.schedule.paths import prefixes
from core.schedule.spec import AnyGroup, BaseGroup

Row = tuple[AnyGroup | None, ...]
"""One group as each of the schedules has it, in their order; None where one does not have it."""

_AnyPart = TypeVar("_AnyPart", bound=BaseGroup, covariant=True)


class Grouped(Protocol[_AnyPart]):
    """A schedule, or what has groups as it does."""

    @property
    def groups(self) -> tuple[_AnyPart, ...]:
        """From input to output."""


def group_rows(schedules: Sequence[Grouped[AnyGroup]]) -> tuple[Row[AnyGroup], ...]:
    """Return every group of any of the schedules in exactly one row, from input to output.

    The order is the first schedule's; what only a later one has comes behind the group that it
    follows there. A group goes with the ones of its name, or else with the ones with one of which
    it shares most paths, where one path may lie inside another.
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
    """Return the row that each group goes to, by its name; a group that is new has none."""
    found: dict[str, list[AnyGroup | None]] = {}
    free = list(rows)
    for most in (1, None):  # by the name that a row has first, and by any other of its names
        for group in groups:
            named = (row for row in free if group.name in _names(row)[:most])
            if group.name not in found and (row := next(named, None)) is not None:
                found[group.name] = row
                free = [other for other in free if other is not row]
    left = [group for group in groups if group.name not in found]
    shared = [(count, -at, -place) for (at, place), count in _shared(left, free).items()]
    taken: set[int] = set()
    for _, at, place in sorted(shared, reverse=True):
        if left[-at].name not in found and -place not in taken:
            found[left[-at].name] = free[-place]
            taken.add(-place)
    return found


def _place(rows: Sequence[list[AnyGroup | None]], row: list[AnyGroup | None]) -> int:
    return next(at for at, each in enumerate(rows) if each is row)


def _names(row: Sequence[BaseGroup | None]) -> list[str]:
    return [group.name for group in row if group is not None]


def _shared(
    groups: Sequence[BaseGroup], rows: Sequence[Sequence[BaseGroup | None]]
) -> dict[tuple[int, int], int]:
    """Return how many paths a group shares with a row, by both their places; those that share any.

    That is how many pairs of its paths and those of one of the row's groups, the one with most, are
    equal or lie one inside the other.
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
