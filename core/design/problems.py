"""What is wrong with a schedule, or unwise, and how to mend it: the meaning behind the fields.

An error refuses to run; a warning and a hint do not. A fix is the mended schedule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from core.design import edits, layers, plan
from core.design.curves import peak
from core.design.layers import LayerTable, covers, parameter_counts
from core.design.spec import FloorLR, Schedule
from core.errors import nearest

Severity = Literal["error", "warning", "hint"]
_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "hint": 2}


@dataclass(frozen=True, slots=True)
class Fix:
    """One click that mends a problem: what it says on the button, and the mended schedule."""

    label: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to know about a schedule. `message` reads: field, value, wrong, way out."""

    code: str
    severity: Severity
    path: str
    groups: tuple[str, ...]
    message: str
    fix: Fix | None = None


def problems(schedule: Schedule, layers: LayerTable | None = None) -> tuple[Problem, ...]:
    """All problems of a schedule: errors first, then warnings, then hints.

    With the model's layer table, its paths and weights are checked as well.
    """
    found = [problem for check in CHECKS.values() for problem in check(schedule)]
    if layers is not None:
        found += [p for check in LAYER_CHECKS.values() for p in check(schedule, layers)]
    return tuple(sorted(found, key=lambda problem: _ORDER[problem.severity]))


def errors(schedule: Schedule, layers: LayerTable | None = None) -> tuple[Problem, ...]:
    """Only the problems that refuse to run."""
    return tuple(p for p in problems(schedule, layers) if p.severity == "error")


def unknown_model(schedule: Schedule) -> Iterator[Problem]:
    """The model is none that Thaw has a layer table of."""
    name = schedule.model.name
    if name not in layers.known_models():
        way_out = nearest(name, layers.known_models())
        message = f"model.name is {name!r}, which is not supported: {way_out}"
        yield Problem("unknown-model", "error", "model.name", (), message)


def nested_path(schedule: Schedule) -> Iterator[Problem]:
    """A path lies inside a path that another place of the schedule names, or stands twice."""
    seen: dict[str, str] = {}
    for at, group in enumerate(schedule.groups):
        for index, path in enumerate(group.modules):
            for other, owner in seen.items():
                outer = other if covers(other, path) else path if covers(path, other) else None
                if outer is None:
                    continue
                relation = "stands twice" if other == path else f"lies inside {outer!r}"
                inner = path if outer == other else other
                where = f"groups[{at}].modules[{index}]"
                message = (
                    f"{where} is {path!r}, and {inner!r} {relation} "
                    f"(groups {owner!r} and {group.name!r}): name every part once"
                )
                yield Problem("nested-path", "error", where, (owner, group.name), message)
            seen[path] = group.name


def idle_epochs(schedule: Schedule) -> Iterator[Problem]:
    """In some epochs no group trains at all."""
    idle = [phase for phase in plan.phases(schedule) if not phase.open]
    if not idle:
        return
    spans = ", ".join(f"{phase.start} to {phase.end}" for phase in idle)
    head = schedule.groups[-1].name
    message = (
        f"groups[*].trainable leaves epochs {spans} with no group that trains: "
        f"let one train there, as a rule the head ({head})"
    )
    mended = edits.set_windows(schedule, {head: edits.TO_THE_END})
    fix = Fix(f"Train {head} in every epoch", mended)
    yield Problem("idle-epochs", "error", "groups", (), message, fix)


def long_warmup(schedule: Schedule) -> Iterator[Problem]:
    """Warmup lasts as long as the run, or longer."""
    warmup, epochs = schedule.lr.warmup.epochs, schedule.epochs
    if warmup < epochs:
        return
    longest = max(0, epochs - 1)
    message = (
        f"lr.warmup.epochs is {warmup:g}, but the run has {epochs} epochs: "
        f"shorten the warmup to at most {longest}, or run {int(warmup) + 1} epochs or more"
    )
    fix = Fix(f"Shorten to {longest}", edits.set_field(schedule, "lr.warmup.epochs", longest))
    yield Problem("long-warmup", "warning", "lr.warmup.epochs", (), message, fix)


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
    named = _and(f"{name} ({value:.2g})" for name, value in rising.items())
    message = (
        f"lr.decay.floor.lr is {floor.lr:g}, above the peak of {named}: "
        f"their rates rise up to {most:,.0f}-fold; make the floor a factor of each group's peak"
    )
    fix = Fix("Floor as a factor", edits.to_relative_floor(schedule))
    yield Problem("rising-lr", "warning", "lr.decay.floor", tuple(rising), message, fix)


def late_window(schedule: Schedule) -> Iterator[Problem]:
    """A group's window starts when the run is over."""
    for at, group in enumerate(schedule.groups):
        late = [w for w in group.trainable if w[0] >= schedule.epochs]
        if not late:
            continue
        where = f"groups[{at}].trainable"
        message = (
            f"{where} lets {group.name} thaw at epoch {late[0][0]}, but the run ends after "
            f"epoch {schedule.epochs - 1}: thaw it earlier, or run longer"
        )
        kept = [w for w in group.trainable if w[0] < schedule.epochs]
        mended = edits.set_windows(schedule, {group.name: kept})
        fix = Fix("Remove that window", mended)
        yield Problem("late-window", "warning", where, (group.name,), message, fix)


def never_trains(schedule: Schedule) -> Iterator[Problem]:
    """Groups that stay as pretrained."""
    frozen = tuple(g.name for g in schedule.groups if not plan.open_spans(g, schedule.epochs))
    if not frozen or len(frozen) == len(schedule.groups):
        return
    verb, stay = ("trains", "stays") if len(frozen) == 1 else ("train", "stay")
    message = f"{_and(frozen)} never {verb} and {stay} as pretrained: thaw where you want change"
    at = [group.name for group in schedule.groups].index(frozen[0])
    yield Problem("never-trains", "hint", f"groups[{at}].trainable", frozen, message)


def unknown_weights(schedule: Schedule, table: LayerTable) -> Iterator[Problem]:
    """The model has no pretrained weights of that name."""
    weights = schedule.model.weights
    if weights is not None and weights not in table.weights:
        way_out = nearest(weights, table.weights)
        message = f"model.weights is {weights!r}, which {table.model} does not have: {way_out}"
        yield Problem("unknown-weights", "error", "model.weights", (), message)


def unknown_path(schedule: Schedule, table: LayerTable) -> Iterator[Problem]:
    """A path names no module or parameter of the model that holds parameters."""
    parameters = tuple(parameter_counts(table))
    valid = {".".join(p.split(".")[:end]) for p in parameters for end in range(1, p.count(".") + 2)}
    for at, group in enumerate(schedule.groups):
        for index, path in enumerate(group.modules):
            if path not in valid:
                where = f"groups[{at}].modules[{index}]"
                way_out = nearest(path, valid)
                message = (
                    f"{where} is {path!r}, no part of {table.model} with parameters: {way_out}"
                )
                yield Problem("unknown-path", "error", where, (group.name,), message)


def ungrouped(schedule: Schedule, table: LayerTable) -> Iterator[Problem]:
    """Some parameters of the model are in no group."""
    paths = [path for group in schedule.groups for path in group.modules]
    left = [p for p in parameter_counts(table) if not any(covers(path, p) for path in paths)]
    if left:
        some = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        message = f"groups leaves out {some}: put every parameter of {table.model} into one group"
        yield Problem("ungrouped", "error", "groups", (), message)


def _and(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


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
