"""Differences between two runs of which one or both are records of loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.compare import formats
from core.compare.align import group_rows
from core.compare.comparable import Comparable, learning
from core.compare.difference import Difference, merged
from core.compare.rates import rate_differences, steps_to_compare
from core.compare.windows import GroupTimes, window_difference
from core.records.model import Record, RecordGroup
from core.schedule.paths import apart
from core.schedule.plan import training_spans
from core.schedule.spec import BaseGroup
from core.schedule.words import epochs as many_epochs
from core.schedule.words import listed, rate

_FEW = 2
_DEFAULTS = "defaults"


def record_diff(a: Comparable, b: Comparable) -> tuple[Difference, ...]:
    """Return the differences of `b` from `a`: groups from the head on, length, optimizer.

    A record has names, paths, windows, rates and an optimizer, so only these are compared; rates,
    where both train. They count as equal within the record's accuracy, 1e-12 at best. Where epochs
    have different numbers of steps, the first step of each epoch is compared.
    """
    return (*merged(list(_of_groups(a, b))), *_of_length(a, b), *_of_optimizer(a, b))


def record_alike(a: Comparable, b: Comparable) -> tuple[str, ...]:
    """Return what both have in common, in a few words each; last, the groups that are equal."""
    common = [many_epochs(a.epochs)] if a.epochs == b.epochs else []
    common += [_optimizer(a)] if _optimizer(a) == _optimizer(b) else []
    differ = {name for line in _of_groups(a, b) for name in line.groups}
    rows = group_rows((_inside(a), _inside(b)))
    names = [after.name for before, after in reversed(rows) if before and after]
    return (*common, *(name for name in names if name not in differ))


@dataclass(frozen=True, slots=True)
class _Groups:
    """Some of the groups of a schedule or a record."""

    groups: tuple[BaseGroup, ...]


def _inside(of: Comparable) -> _Groups:
    """Return the groups that the optimizer has."""
    return _Groups(tuple(g for g in of.groups if not isinstance(g, RecordGroup) or g.in_optimizer))


def _outside(of: Comparable) -> list[str]:
    """Return the paths that the optimizer does not have."""
    inside = {group.name for group in _inside(of).groups}
    return [path for group in of.groups if group.name not in inside for path in group.modules]


def _of_groups(a: Comparable, b: Comparable) -> Iterator[Difference]:
    one, other = GroupTimes(a.epochs, learning(a)), GroupTimes(b.epochs, learning(b))
    compared = steps_to_compare(a, b)
    rows = group_rows((_inside(a), _inside(b)))
    for before, after in reversed(rows):
        if before is not None and after is not None:
            if before.name != after.name:
                text = f"{after.name} was called {before.name}"
                yield Difference(text, "", ("name",), (after.name,))
            trained = window_difference(one, before, other, after)
            if trained is not None:
                yield trained
            yield from rate_differences(a, before, b, after, *compared)
            yield from _of_contents(before, after)
    new = [after for before, after in reversed(rows) if after is not None and before is None]
    gone = [before for before, after in reversed(rows) if before is not None and after is None]
    yield from _few(new, "is new", "are new", lambda group: f"trains {other.trains(group)}")
    yield from _few(
        gone, "is no longer a group", "are gone", lambda group: f"trained {one.trains(group)}"
    )
    yield from _of_outsiders(a, b)


def _few(
    groups: Sequence[BaseGroup], one: str, many: str, when: Callable[[BaseGroup], str]
) -> Iterator[Difference]:
    """Yield a difference for each group, or one for all if there are more than two."""
    if len(groups) > _FEW:
        names = [group.name for group in groups]
        yield Difference(f"{len(names)} groups {many}", listed(names, 8), ("groups",))
        return
    for group in groups:
        detail = f"{when(group)}: {listed(group.modules, 3)}"
        yield Difference(f"{group.name} {one}", detail, ("groups",), (group.name,))


def _of_outsiders(a: Comparable, b: Comparable) -> Iterator[Difference]:
    """Yield the differences of paths that left the optimizer, or came into it."""
    old, new = _outside(a), _outside(b)
    left, came = apart(new, old), apart(old, new)
    for paths, text in ((left, "not in the optimizer"), (came, "in the optimizer now")):
        if paths:
            yield Difference(f"{text}: {listed(paths, 3)}", "", ("groups",))


def _of_contents(before: BaseGroup, after: BaseGroup) -> Iterator[Difference]:
    """Yield the difference between the paths of a group; a module equals all of its parts."""
    old, new = before.modules, after.modules
    lost, gained = apart(old, new), apart(new, old)
    if lost or gained:
        does = "holds other parts" if lost and gained else f"holds {'less' if lost else 'more'}"
        detail = " → ".join(listed(paths, 3) for paths in (lost, gained) if paths)
        yield Difference(f"{after.name} {does}", detail, ("modules",), (after.name,))


def _of_length(a: Comparable, b: Comparable) -> Iterator[Difference]:
    if a.epochs != b.epochs:
        change = formats.change(a.epochs, b.epochs)
        yield Difference(f"run {change} epochs", "", ("epochs",))
    if isinstance(a, Record) and isinstance(b, Record) and a.steps_per_epoch != b.steps_per_epoch:
        change = formats.change(a.steps_per_epoch, b.steps_per_epoch)
        detail = "rates are compared at the first step of each epoch"
        yield Difference(f"an epoch has {change} steps", detail, ("steps_per_epoch",))


def _of_optimizer(a: Comparable, b: Comparable) -> Iterator[Difference]:
    if _optimizer(a) != _optimizer(b):
        yield Difference(f"optimizer {_optimizer(a)} → {_optimizer(b)}", "", ("optimizer",))
    for name in ("weight_decay", "momentum"):
        old, new = _spread(a, name), _spread(b, name)
        if old and new and old != new:  # none where nothing trains
            yield Difference(f"{name.replace('_', ' ')} {_change(old, new)}", "", (name,))
    had, has = _others(a), _others(b)
    lost, gained = [o for o in had if o not in has], [o for o in has if o not in had]
    if lost or gained:
        change = f"{', '.join(lost) or _DEFAULTS} → {', '.join(gained) or _DEFAULTS}"
        yield Difference(f"optimizer options: {change}", "", ("others",))


def _optimizer(of: Comparable) -> str:
    return of.optimizer if isinstance(of, Record) else of.optimizer.title()


def _spread(of: Comparable, name: str) -> tuple[float, ...]:
    """Return the value of an option of all groups that train, or its lowest and its highest."""
    if not isinstance(of, Record):
        return (of.optimizer.options().get(name, 0.0),)
    values = sorted({value for group in _training(of) for value in getattr(group, name)})
    return tuple(values) if len(values) < 2 else (values[0], values[-1])


def _change(old: tuple[float, ...], new: tuple[float, ...]) -> str:
    if len(old) == len(new) == 1:
        return formats.change(old[0], new[0], rate)
    return f"{_range(old)} → {_range(new)}"


def _range(values: tuple[float, ...]) -> str:
    return " to ".join(map(rate, values))


def _others(of: Comparable) -> list[str]:
    if not isinstance(of, Record):
        return []
    return list(dict.fromkeys(other for group in _training(of) for other in group.others))


def _training(record: Record) -> list[RecordGroup]:
    return [group for group in record.groups if training_spans(group, record.epochs)]
