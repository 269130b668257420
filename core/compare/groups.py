"""Differences between the groups of two schedules: when they train, how fast, what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.compare import formats
from core.compare.align import GroupRow
from core.compare.comparable import learning
from core.compare.difference import Difference, merged, size_of_change
from core.compare.windows import GroupTimes, window_difference
from core.schedule import curves
from core.schedule.spec import Group, Schedule
from core.schedule.words import listed, one_or_more, rate


@dataclass(frozen=True, slots=True)
class _Side(GroupTimes):
    """One of the two schedules, and when its groups train."""

    schedule: Schedule

    def scale(self, group: Group) -> float:
        return curves.scale(self.schedule, group)


def group_differences(
    a: Schedule, b: Schedule, rows: tuple[GroupRow[Group], ...]
) -> Iterator[Difference]:
    """Yield the differences between the groups of `a` and `b`, from the head to the stem.

    `rows` are those of `group_rows((a, b))`. Paths are not compared where the models differ.
    """
    yield from merged(list(_one_by_one(a, b, rows)))
    if _reordered(a, b, rows):
        order = listed(reversed([group.name for group in b.groups]), 4)
        yield Difference("groups are in another order", f"from the head: {order}", ("groups",))


def _one_by_one(
    a: Schedule, b: Schedule, rows: tuple[GroupRow[Group], ...]
) -> Iterator[Difference]:
    one, other = _side(a), _side(b)
    same_model = a.model.name == b.model.name
    for before, after in reversed(rows):
        if before is None and after is not None and same_model:
            detail = f"trains {other.trains(after)}, holds {listed(after.modules, 3)}"
            yield Difference(f"{after.name} is new", detail, ("groups",), (after.name,))
        elif after is None and before is not None and same_model:
            text = f"{before.name} is no longer a group"
            yield Difference(text, f"trained {one.trains(before)}", ("groups",), (before.name,))
        elif before is not None and after is not None:
            yield from _of_one(one, before, other, after, same_model=same_model)
    if not same_model:
        yield from _of_another_model(rows)


def _of_one(
    one: _Side, before: Group, other: _Side, after: Group, *, same_model: bool
) -> Iterator[Difference]:
    name = after.name
    if before.name != name:
        yield Difference(f"{name} was called {before.name}", "", ("name",), (name,))
    trained = window_difference(one, before, other, after)
    if trained is not None:
        yield trained
    elif before.trainable != after.trainable:
        text = f"{name} trains in the same epochs, written differently"
        yield Difference(text, one.trains(before), ("trainable",), (name,))
    yield from _scale(one, before, other, after, same_model=same_model)
    if before.when_frozen != after.when_frozen:
        does = "holds still" if after.when_frozen == "eval" else "keeps moving"
        text = f"{name}: BatchNorm {does} while it is frozen"
        detail = f"when frozen: {before.when_frozen} → {after.when_frozen}"
        yield Difference(text, detail, ("when_frozen",), (name,))
    if before.batchnorm != after.batchnorm:
        does = "keeps its statistics" if after.batchnorm else "learns its statistics"
        detail = f"batchnorm: {before.batchnorm or 'train'} → {after.batchnorm or 'train'}"
        yield Difference(f"{name}: BatchNorm {does}", detail, ("batchnorm",), (name,))
    if same_model and before.modules != after.modules:
        yield _contents(name, before, after)


def _scale(
    one: _Side, before: Group, other: _Side, after: Group, *, same_model: bool
) -> Iterator[Difference]:
    """Yield a difference of `lr_scale`, or of the distance from the head where that changes it."""
    name, old, new = after.name, one.scale(before), other.scale(after)
    equal = _same_number(old, new)
    peak, new_peak = curves.peak(one.schedule, before), curves.peak(other.schedule, after)
    peaks = _peaks(peak, new_peak)
    if before.lr_scale != after.lr_scale:
        if equal:
            how = "follows from the distance" if after.lr_scale is None else "is written out"
            text = f"{name}: LR scale {how}, the same number as before"
            yield Difference(text, "", ("lr_scale",), (name,))
        else:
            text = f"{name} LR scale {formats.change(old, new, formats.times)}"
            yield Difference(text, peaks, ("lr_scale",), (name,), size_of_change(peak, new_peak))
    elif same_model and not equal and one.schedule.lr.group_decay == other.schedule.lr.group_decay:
        is_nearer = _distance(other.schedule, after) < _distance(one.schedule, before)
        text = f"{name} is {'nearer to' if is_nearer else 'farther from'}"
        detail = f"LR scale {formats.change(old, new, formats.times)}, {peaks}"
        yield Difference(f"{text} the head", detail, ("groups",), (name,))


def _peaks(old: float, new: float) -> str:
    if _same_number(old, new):
        return f"peak still {rate(new)}"
    return f"peak {formats.change(old, new, rate)}"


def _same_number(one: float, other: float) -> bool:
    return abs(one - other) <= curves.RATES_EQUAL * max(one, other)


def _distance(schedule: Schedule, group: Group) -> int:
    return len(schedule.groups) - 1 - [each.name for each in schedule.groups].index(group.name)


def _contents(name: str, before: Group, after: Group) -> Difference:
    """Return the difference between the paths of a group."""
    lost = [path for path in before.modules if path not in after.modules]
    gained = [path for path in after.modules if path not in before.modules]
    detail = " → ".join(listed(paths, 3) for paths in (lost, gained) if paths)
    if lost and gained:
        text = "holds other parts"
    elif lost or gained:
        text = "holds less" if lost else "holds more"
    else:
        text = "holds the same parts, written differently"
    return Difference(f"{name} {text}", detail, ("modules",), (name,))


def _of_another_model(rows: tuple[GroupRow[Group], ...]) -> Iterator[Difference]:
    new = [after.name for before, after in reversed(rows) if before is None and after is not None]
    gone = [before.name for before, after in reversed(rows) if after is None and before is not None]
    for names, word in ((new, "new"), (gone, "gone")):
        if names:
            verb = one_or_more(tuple(names), "group is", "groups are")
            yield Difference(f"{len(names)} {verb} {word}", listed(names, 8), ("groups",))


def _reordered(a: Schedule, b: Schedule, rows: tuple[GroupRow[Group], ...]) -> bool:
    """Return whether the groups that both have are in another order."""
    common = [(before, after) for before, after in rows if before and after]
    places = [_distance(b, after) for _, after in common]
    was = [_distance(a, before) for before, _ in common]
    return sorted(range(len(was)), key=was.__getitem__) != sorted(
        range(len(places)), key=places.__getitem__
    )


def _side(schedule: Schedule) -> _Side:
    return _Side(schedule.epochs, learning(schedule), schedule)
