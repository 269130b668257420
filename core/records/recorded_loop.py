"""The recording of a training loop, step by step, and its differences from a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from core.schedule import curves, plan, words
from core.schedule.document import Window
from core.schedule.optimizers import Optimizer
from core.schedule.paths import apart
from core.schedule.spec import Group, Schedule


class ParamGroupOptions(NamedTuple):
    """The options of a param group besides its rate.

    `others` lists those that differ from the optimizer's defaults, as in `nesterov=True`.
    """

    weight_decay: float = 0.0
    momentum: float = 0.0
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoopGroup:
    """Parameters that have the same rates and train in the same epochs.

    `modules` are paths of modules or parameters, and `parameters` counts their elements. `rates`
    has a rate for each step, and `trains` says for each epoch whether they train. `options` are
    the different ones that the group had.
    """

    name: str
    modules: tuple[str, ...]
    parameters: int
    rates: tuple[float, ...]
    trains: tuple[bool, ...]
    options: tuple[ParamGroupOptions, ...] = (ParamGroupOptions(),)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The epochs in which it trains, as in a schedule; None for the end of the run."""
        windows: list[Window] = []
        for trains, run in groupby(enumerate(self.trains), key=lambda item: item[1]):
            numbers = [epoch for epoch, _ in run]
            if trains:
                to_the_end = numbers[-1] == len(self.trains) - 1
                windows.append((numbers[0], None if to_the_end else numbers[-1] + 1))
        return tuple(windows)


@dataclass(frozen=True, slots=True)
class RecordedLoop:
    """A whole run of a training loop; `optimizer` is the name of its class.

    Groups go from input to output.
    """

    epochs: int
    steps_per_epoch: int
    optimizer: str
    groups: tuple[LoopGroup, ...]

    def options(self) -> tuple[ParamGroupOptions, ...]:
        """Return the param-group options of all groups that train, each once."""
        training = (group for group in self.groups if any(group.trains))
        return tuple(dict.fromkeys(each for group in training for each in group.options))


def differences(recorded: RecordedLoop, schedule: Schedule) -> list[str]:
    """Return what the loop does differently than the schedule, in sentences.

    Rates are compared only where a group trains. Groups are matched by the paths that they hold,
    else by their names.
    """
    lines = []
    if recorded.epochs != schedule.epochs:
        lines.append(f"it has {recorded.epochs} epochs, the schedule {schedule.epochs}")
    lines += _differences_of_optimizer(recorded, schedule.optimizer)
    for group in recorded.groups:
        planned = _match(group, schedule)
        if planned is None:
            lines.append(f"{group.name} is not a group of the schedule")
        else:
            lines += _differences(recorded, group, schedule, planned)
    names = {planned.name for g in recorded.groups if (planned := _match(g, schedule))}
    lines += [f"it has no group {g.name}" for g in schedule.groups if g.name not in names]
    return lines


def _differences_of_optimizer(recorded: RecordedLoop, planned: Optimizer) -> Iterator[str]:
    if recorded.optimizer.lower() != planned.name:
        yield f"its optimizer is {recorded.optimizer}, the schedule's {planned.name}"
        return
    options = recorded.options()
    decays = {each.weight_decay for each in options} - {planned.weight_decay}
    for decay in sorted(decays):
        yield f"it has weight decay {decay:g}, the schedule {planned.weight_decay:g}"
    due = planned.options().get("momentum", 0.0)
    for momentum in sorted({each.momentum for each in options} - {due}):
        yield f"it has momentum {momentum:g}, the schedule {due:g}"
    for other in dict.fromkeys(other for each in options for other in each.others):
        yield f"its optimizer has {other}, which no schedule has"


def _match(group: LoopGroup, schedule: Schedule) -> Group | None:
    same = (g for g in schedule.groups if set(g.modules) == set(group.modules))
    named = (g for g in schedule.groups if g.name == group.name)
    return next(same, None) or next(named, None)


def _differences(
    recorded: RecordedLoop, group: LoopGroup, schedule: Schedule, planned: Group
) -> Iterator[str]:
    if more := apart(group.modules, planned.modules):
        yield f"{group.name} holds {', '.join(more)}, which it does not hold in the schedule"
    if less := apart(planned.modules, group.modules):
        yield f"{group.name} does not hold {', '.join(less)}, which it holds in the schedule"
    epochs = range(min(recorded.epochs, schedule.epochs))
    for wanted, word in ((True, "trains"), (False, "is frozen")):
        off = [e for e in epochs if group.trains[e] is wanted is not plan.trains_in(planned, e)]
        if off:
            yield f"{group.name} {word} in epoch {', '.join(map(str, off))}, not in the schedule"
    trained = np.repeat(group.trains[: len(epochs)], recorded.steps_per_epoch)
    steps = np.flatnonzero(trained)
    if not steps.size:
        return
    t = curves.time_of_step(schedule, steps, recorded.steps_per_epoch)
    due, rates = curves.lr(schedule, planned, t), np.array(group.rates)[steps]
    errors = curves.relative_error(rates, due)
    worst = int(errors.argmax())
    if errors[worst] > curves.RATES_EQUAL:
        here, there = words.rate(float(rates[worst]), 6), words.rate(float(due[worst]), 6)
        rates_differ = f"{here} at step {steps[worst]}, in the schedule {there}"
        yield f"{group.name} has the rate {rates_differ}"
