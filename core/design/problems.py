"""What is wrong with a schedule, or unwise, and how to mend it: the meaning behind the fields.

An error refuses to run; a warning and a hint do not. A fix is the mended schedule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from core.design import edits, layers, plan
from core.design.curves import origin, peak
from core.design.layers import LayerTable, parameter_counts, prefixes
from core.design.spec import FloorLR, Schedule
from core.errors import nearest

MAX_OF_A_KIND = 20

Severity = Literal["error", "warning", "hint"]
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "hint": 2}


@dataclass(frozen=True, slots=True)
class Fix:
    """One click that mends a problem: what it says on the button, and the mended schedule."""

    label: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to know about a schedule: `wrong` completes the sentence "path is …".

    The sentence begins with `subject` instead, where there is one.
    """

    code: str
    severity: Severity
    path: str
    groups: tuple[str, ...]
    wrong: str
    way_out: str
    fix: Fix | None = None
    subject: str = ""

    @property
    def message(self) -> str:
        """Field, value, what is wrong, way out, for a person."""
        return f"{self.subject or self.path} {self.wrong}: {self.way_out}"


def problems(schedule: Schedule, layers: LayerTable | None = None) -> tuple[Problem, ...]:
    """The problems of a schedule: errors first, then warnings, then hints; of a kind at most 20.

    With the model's layer table, its paths and weights are checked as well.
    """
    checked = [check(schedule) for check in CHECKS.values()]
    if layers is not None:
        checked += [check(schedule, layers) for check in LAYER_CHECKS.values()]
    found = [problem for each in checked for problem in islice(each, MAX_OF_A_KIND)]
    return tuple(sorted(found, key=lambda problem: _ORDER[problem.severity]))


def errors(schedule: Schedule, layers: LayerTable | None = None) -> tuple[Problem, ...]:
    """Only the problems that refuse to run."""
    return tuple(p for p in problems(schedule, layers) if p.severity == "error")


def unknown_model(schedule: Schedule) -> Iterator[Problem]:
    """The model is none that Thaw has a layer table of."""
    name = schedule.model.name
    if name not in layers.known_models():
        wrong = f"is {name!r}, which is not supported"
        way_out = nearest(name, layers.known_models())
        yield Problem("unknown-model", "error", "model.name", (), wrong, way_out)


def nested_path(schedule: Schedule) -> Iterator[Problem]:
    """A path stands twice, or lies inside another path of the schedule."""
    owners: dict[str, str] = {}
    for group in reversed(schedule.groups):
        owners |= dict.fromkeys(group.modules, group.name)
    seen: set[str] = set()
    for at, group in enumerate(schedule.groups):
        for index, path in enumerate(group.modules):
            around = next((outer for outer in prefixes(path)[:-1] if outer in owners), path)
            if around != path or path in seen:
                where, owner = f"groups[{at}].modules[{index}]", owners[around]
                lies = "stands in" if around == path else f"lies inside {around!r} of"
                wrong = f"is {path!r}, which already {lies} group {owner}"
                way_out = "name every part of the model once"
                both = (owner,) if owner == group.name else (owner, group.name)
                yield Problem("nested-path", "error", where, both, wrong, way_out)
            seen.add(path)


def idle_epochs(schedule: Schedule) -> Iterator[Problem]:
    """In some epochs no group trains at all."""
    idle = [phase for phase in plan.phases(schedule) if not phase.open]
    if not idle:
        return
    one = len(idle) == 1 and idle[0].end - idle[0].start == 1
    spans = _and(_from_to(phase.start, phase.end - 1) for phase in idle)
    head = schedule.groups[-1].name
    wrong = f"has none that trains in epoch{'' if one else 's'} {spans}"
    way_out = f"let one train there, as a rule the last ({head})"
    mended = edits.set_windows(schedule, {head: edits.TO_THE_END})
    fix = Fix(f"Train {head} in every epoch", mended)
    yield Problem("idle-epochs", "error", "groups", (), wrong, way_out, fix)


def long_warmup(schedule: Schedule) -> Iterator[Problem]:
    """Warmup takes the whole run, or for a group that restarts, all that is left of it."""
    warmup, epochs = schedule.lr.warmup.epochs, schedule.epochs
    left = {group.name: epochs - origin(schedule, group) for group in schedule.groups}
    left = {name: rest for name, rest in left.items() if rest > 0}
    shortest = min(left.values(), default=epochs)
    if warmup < shortest:
        return
    way_out = f"shorten the warmup to at most {shortest - 1}" if shortest > 1 else "set it to 0"
    groups: tuple[str, ...] = ()
    if warmup >= epochs:
        but = f"the run has {_epochs(epochs)}"
        way_out += f", or run {int(warmup) + 1} epochs or more"
    else:
        groups = tuple(name for name, rest in left.items() if rest <= warmup)
        latest = min(groups, key=lambda name: left[name])
        but = f"{latest} restarts with {_epochs(shortest)} left"
        way_out += f", or thaw {latest} earlier"
    wrong = f"is {warmup:g}, but {but}"
    mended = edits.set_field(schedule, "lr.warmup.epochs", shortest - 1)
    fix = Fix(f"Shorten the warmup to {_epochs(shortest - 1)}", mended)
    yield Problem("long-warmup", "warning", "lr.warmup.epochs", groups, wrong, way_out, fix)


def rising_lr(schedule: Schedule) -> Iterator[Problem]:
    """An absolute floor lies above a group's peak, so that its rate rises instead of falling."""
    floor = getattr(schedule.lr.decay, "floor", None)
    if not isinstance(floor, FloorLR):
        return
    peaks = {group.name: peak(schedule, group) for group in schedule.groups}
    rising = {name: value for name, value in peaks.items() if floor.lr > value * (1 + 1e-9)}
    if not rising:
        return
    most = max(floor.lr / value for value in rising.values())
    fold = f" up to {most:,.0f}-fold" if most >= 2 else ""
    named = _and(f"{name} ({value:.2g})" for name, value in rising.items())
    wrong = f"is {floor.lr:g}, above the peak of {named}, so that the rate rises{fold}"
    way_out = "make the floor a factor of each group's peak"
    fix = Fix("Floor as a factor", edits.to_relative_floor(schedule))
    yield Problem("rising-lr", "warning", "lr.decay.floor.lr", tuple(rising), wrong, way_out, fix)


def late_window(schedule: Schedule) -> Iterator[Problem]:
    """A group's window starts when the run is over."""
    for at, group in enumerate(schedule.groups):
        kept = [window for window in group.trainable if window[0] < schedule.epochs]
        if len(kept) == len(group.trainable):
            continue
        where = f"groups[{at}].trainable[{len(kept)}]"
        start, end = group.trainable[len(kept)]
        window = f"[{start}, {'null' if end is None else end}]"
        wrong = f"is {window}, but the run has {_epochs(schedule.epochs)}"
        way_out = f"start it by epoch {schedule.epochs - 1}, or run longer"
        fix = Fix("Remove that window", edits.set_windows(schedule, {group.name: kept}))
        yield Problem("late-window", "warning", where, (group.name,), wrong, way_out, fix)


def never_trains(schedule: Schedule) -> Iterator[Problem]:
    """Groups that stay as they are at the start."""
    frozen = tuple(g.name for g in schedule.groups if not plan.open_spans(g, schedule.epochs))
    if not frozen or len(frozen) == len(schedule.groups):
        return
    has, it, stays = ("has", "it", "stays") if len(frozen) == 1 else ("have", "they", "stay")
    as_at_first = "as pretrained" if schedule.model.weights else "random"
    wrong = f"{has} no window in the run, so {it} {stays} {as_at_first}"
    way_out = "add a window where you want change"
    at = [group.name for group in schedule.groups].index(frozen[0])
    path, subject = f"groups[{at}].trainable", _and(frozen)
    yield Problem("never-trains", "hint", path, frozen, wrong, way_out, subject=subject)


def unknown_weights(schedule: Schedule, table: LayerTable) -> Iterator[Problem]:
    """The model has no pretrained weights of that name."""
    weights = schedule.model.weights
    if weights is not None and weights not in table.weights:
        way_out = nearest(weights, table.weights) if table.weights else "it has none, so write null"
        wrong = f"is {weights!r}, which {table.model} does not have"
        yield Problem("unknown-weights", "error", "model.weights", (), wrong, way_out)


def unknown_path(schedule: Schedule, table: LayerTable) -> Iterator[Problem]:
    """A path names no module or parameter of the model that holds parameters."""
    valid = {path for parameter in parameter_counts(table) for path in prefixes(parameter)}
    for at, group in enumerate(schedule.groups):
        for index, path in enumerate(group.modules):
            if path not in valid:
                where = f"groups[{at}].modules[{index}]"
                wrong = f"is {path!r}, which is no part of {table.model} with parameters"
                way_out = nearest(path, valid)
                yield Problem("unknown-path", "error", where, (group.name,), wrong, way_out)


def ungrouped(schedule: Schedule, table: LayerTable) -> Iterator[Problem]:
    """Some parameters of the model are in no group."""
    paths = {path for group in schedule.groups for path in group.modules}
    left = [p for p in parameter_counts(table) if paths.isdisjoint(prefixes(p))]
    if left:
        wrong = f"leaves out {_and(left)}"
        way_out = f"put every parameter of {table.model} into one group"
        yield Problem("ungrouped", "error", "groups", (), wrong, way_out)


def _and(names: Iterable[str], limit: int = 6) -> str:
    *others, last = names
    if len(others) >= limit:
        others, last = others[: limit - 1], f"{len(others) + 2 - limit} more"
    return f"{', '.join(others)} and {last}" if others else last


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _from_to(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


CHECKS: dict[str, Callable[[Schedule], Iterator[Problem]]] = {
    "unknown-model": unknown_model,
    "nested-path": nested_path,
    "idle-epochs": idle_epochs,
    "long-warmup": long_warmup,
    "rising-lr": rising_lr,
    "late-window": late_window,
    "never-trains": never_trains,
}
"""Every check that needs the schedule alone, by the code of its problem."""

LAYER_CHECKS: dict[str, Callable[[Schedule, LayerTable], Iterator[Problem]]] = {
    "unknown-weights": unknown_weights,
    "unknown-path": unknown_path,
    "ungrouped": ungrouped,
}
"""Every check that needs the model's layer table too."""
