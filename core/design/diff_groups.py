"""What one schedule does differently with its groups: when they train, how fast, what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from core.design import curves, plan
from core.design import diff_words as words
from core.design.budget import Budget, budgets
from core.design.group_pairs import Row
from core.design.problems.words import epochs as many_epochs
from core.design.problems.words import listed, one_or_more, percent
from core.design.spec import Group, Schedule

_ALIKE = 1e-12
"""Relative difference up to which two scales are the same number."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a schedule does differently than another: what, and in which numbers.

    `groups` are the names, in the second schedule, of the groups that it is about, and `text`
    begins with them; one that only the first schedule has goes by its name there. `fields` are the
    places in the JSON document that differ: `lr.warmup.epochs`, or a group's `trainable`.
    """

    text: str
    detail: str
    fields: tuple[str, ...]
    groups: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Both in one line."""
        return f"{self.text} ({self.detail})" if self.detail else self.text


@dataclass(frozen=True, slots=True)
class _Side:
    """A schedule with what is computed of all its groups at once."""

    schedule: Schedule
    budgets: Mapping[str, Budget | None]

    def share(self, group: Group) -> str:
        found = self.budgets[group.name]
        return percent(found.learning if found else 0.0)

    def spans(self, group: Group) -> tuple[plan.Span, ...]:
        return plan.open_spans(group, self.schedule.epochs)

    def trains(self, group: Group) -> str:
        return words.spans(self.spans(group), self.schedule.epochs)

    def starts_and_ends(self, group: Group) -> tuple[tuple[int, int | None], ...]:
        """Its spans, with None for the end of the run, which may be another one elsewhere."""
        last = self.schedule.epochs
        return tuple((start, None if end == last else end) for start, end in self.spans(group))

    def scale(self, group: Group) -> float:
        return curves.scale(self.schedule, group)


def group_differences(a: Schedule, b: Schedule, rows: tuple[Row, ...]) -> Iterator[Difference]:
    """What `b` does differently with its groups, from the head to the stem.

    `rows` are those of `group_rows((a, b))`. Paths are not compared where the models differ.
    """
    yield from _merged(list(_one_by_one(a, b, rows)))
    if _reordered(a, b, rows):
        order = listed(reversed([group.name for group in b.groups]), 4)
        yield Difference("groups stand in another order", f"from the head: {order}", ("groups",))


def _one_by_one(a: Schedule, b: Schedule, rows: tuple[Row, ...]) -> Iterator[Difference]:
    one, other = _side(a), _side(b)
    same_model = a.model.name == b.model.name
    for before, after in reversed(rows):
        if before is None and after is not None and same_model:
            detail = f"trains {other.trains(after)}, holds {listed(after.modules, 3)}"
            yield Difference(f"{after.name} is new", detail, ("groups",), (after.name,))
        elif after is None and before is not None and same_model:
            text = f"{before.name} is no group any more"
            yield Difference(text, f"trained {one.trains(before)}", ("groups",), (before.name,))
        elif before is not None and after is not None:
            yield from _of_one(one, before, other, after, same_model=same_model)
    if not same_model:
        yield from _of_another_model(rows)


def _merged(lines: list[Difference]) -> Iterator[Difference]:
    """The lines, with what is said after `NAME: ` of several groups said once, at the first."""
    about: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        about.setdefault(_said_of_any(line), []).extend(line.groups)
    for line in lines:
        said, _ = found = _said_of_any(line)
        names = about[found]
        if not said.startswith(": ") or len(names) < 2:
            yield line
        elif names[0] == line.groups[0]:
            yield replace(line, text=f"{listed(names, 3)}{said}", groups=tuple(names))


def _said_of_any(line: Difference) -> tuple[str, str]:
    return line.text[len(line.groups[0]) :] if line.groups else line.text, line.detail


def _of_one(
    one: _Side, before: Group, other: _Side, after: Group, *, same_model: bool
) -> Iterator[Difference]:
    name = after.name
    if before.name != name:
        yield Difference(f"{name} was called {before.name}", "", ("name",), (name,))
    trained = _training(one, before, other, after)
    if trained is not None:
        shares = f"share of learning {one.share(before)} → {other.share(after)}"
        spans = f"{one.trains(before)} → {other.trains(after)}"
        yield Difference(f"{name} {trained}", f"{spans}, {shares}", ("trainable",), (name,))
    elif before.trainable != after.trainable:
        text = f"{name} trains in the same epochs, written otherwise"
        yield Difference(text, one.trains(before), ("trainable",), (name,))
    yield from _scale(one, before, other, after, same_model=same_model)
    if before.when_frozen != after.when_frozen:
        does = "holds still" if after.when_frozen == "eval" else "goes on moving"
        text = f"{name}: BatchNorm {does} while it is frozen"
        detail = f"when frozen: {before.when_frozen} → {after.when_frozen}"
        yield Difference(text, detail, ("when_frozen",), (name,))
    if before.batchnorm != after.batchnorm:
        does = "keeps its pretrained statistics" if after.batchnorm else "learns its statistics"
        detail = f"batchnorm: {before.batchnorm or 'train'} → {after.batchnorm or 'train'}"
        yield Difference(f"{name}: BatchNorm {does}", detail, ("batchnorm",), (name,))
    if same_model and before.modules != after.modules:
        yield _contents(name, before, after)


def _training(one: _Side, before: Group, other: _Side, after: Group) -> str | None:
    """What it does otherwise, as in "thaws 2 epochs earlier"; None if it trains in the same ones.

    The end of the run counts as the same place in both.
    """
    a, b = one.starts_and_ends(before), other.starts_and_ends(after)
    if a == b:
        return None
    if not a:
        return "now trains"
    if not b:
        return "no longer trains"
    if len(a) > 1 or len(b) > 1:
        return "trains in other epochs"
    (start, end), (new_start, new_end) = a[0], b[0]
    told = []
    if start != new_start:
        when = "earlier" if new_start < start else "later"
        told.append(f"thaws {many_epochs(abs(new_start - start))} {when}")
    if end != new_end:
        told.append(_freezes(end, new_end))
    return " and ".join(told)


def _freezes(end: int | None, new_end: int | None) -> str:
    if new_end is None:
        return "trains to the end"
    if end is None:
        return f"freezes again at epoch {new_end}"
    when = "earlier" if new_end < end else "later"
    return f"freezes {many_epochs(abs(new_end - end))} {when}"


def _scale(
    one: _Side, before: Group, other: _Side, after: Group, *, same_model: bool
) -> Iterator[Difference]:
    """Its own scale, where it has one; a scale by distance only where its distance is another."""
    name, old, new = after.name, one.scale(before), other.scale(after)
    alike = _same_number(old, new)
    peaks = _peaks(old * one.schedule.optimizer.base_lr, new * other.schedule.optimizer.base_lr)
    if before.lr_scale != after.lr_scale:
        if alike:
            how = "follows from the distance" if after.lr_scale is None else "is written out"
            text = f"{name}: LR scale {how}, the same number as before"
            yield Difference(text, "", ("lr_scale",), (name,))
        else:
            text = f"{name} LR scale {words.change(old, new, words.times)}"
            yield Difference(text, peaks, ("lr_scale",), (name,))
    elif same_model and not alike and _same_decay(one, other):
        text = f"{name} is {'nearer to' if _nearer(one, before, other, after) else 'farther from'}"
        detail = f"LR scale {words.change(old, new, words.times)}, {peaks}"
        yield Difference(f"{text} the head", detail, ("groups",), (name,))


def _peaks(old: float, new: float) -> str:
    if _same_number(old, new):
        return f"peak still {words.rate(new)}"
    return f"peak {words.change(old, new, words.rate)}"


def _same_number(one: float, other: float) -> bool:
    return abs(one - other) <= _ALIKE * max(one, other)


def _same_decay(one: _Side, other: _Side) -> bool:
    return one.schedule.lr.group_decay == other.schedule.lr.group_decay


def _nearer(one: _Side, before: Group, other: _Side, after: Group) -> bool:
    return _distance(other.schedule, after) < _distance(one.schedule, before)


def _distance(schedule: Schedule, group: Group) -> int:
    return len(schedule.groups) - 1 - [each.name for each in schedule.groups].index(group.name)


def _contents(name: str, before: Group, after: Group) -> Difference:
    """What it holds otherwise, in the paths that are written in one of them only."""
    lost = [path for path in before.modules if path not in after.modules]
    gained = [path for path in after.modules if path not in before.modules]
    detail = " → ".join(listed(paths, 3) for paths in (lost, gained) if paths)
    if lost and gained:
        text = "holds other parts"
    elif lost or gained:
        text = "holds less" if lost else "holds more"
    else:
        text = "holds the same parts, written otherwise"
    return Difference(f"{name} {text}", detail, ("modules",), (name,))


def _of_another_model(rows: tuple[Row, ...]) -> Iterator[Difference]:
    new = [after.name for before, after in reversed(rows) if before is None and after is not None]
    gone = [before.name for before, after in reversed(rows) if after is None and before is not None]
    for names, word in ((new, "new"), (gone, "gone")):
        if names:
            verb = one_or_more(tuple(names), "group is", "groups are")
            yield Difference(f"{len(names)} {verb} {word}", listed(names, 8), ("groups",))


def _reordered(a: Schedule, b: Schedule, rows: tuple[Row, ...]) -> bool:
    """Whether groups that both have stand in another order."""
    common = [(before, after) for before, after in rows if before and after]
    places = [_distance(b, after) for _, after in common]
    was = [_distance(a, before) for before, _ in common]
    return sorted(range(len(was)), key=was.__getitem__) != sorted(
        range(len(places)), key=places.__getitem__
    )


def _side(schedule: Schedule) -> _Side:
    names = (group.name for group in schedule.groups)
    return _Side(schedule, dict(zip(names, budgets(schedule), strict=True)))
