"""What a training loop does to its groups, step by step: recorded, and compared with a schedule."""

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


class Settings(NamedTuple):
    """What a param group tells its optimizer besides the rate.

    `others` names what differs from the optimizer's own defaults, as in `nesterov=True`.
    """

    weight_decay: float = 0.0
    momentum: float = 0.0
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedGroup:
    """Parameters that have the same rates and train in the same epochs.

    `modules` are paths of modules or parameters, `parameters` counts their elements, `rates` has
    one for each step, `trains` says of each epoch whether they train. `settings` are all that it
    has had, one if they stay.
    """

    name: str
    modules: tuple[str, ...]
    parameters: int
    rates: tuple[float, ...]
    trains: tuple[bool, ...]
    settings: tuple[Settings, ...] = (Settings(),)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The epochs in which it trains, as a schedule has them; None for the end of the run."""
        found: list[Window] = []
        for trains, run in groupby(enumerate(self.trains), key=lambda item: item[1]):
            numbers = [epoch for epoch, _ in run]
            if trains:
                to_the_end = numbers[-1] == len(self.trains) - 1
                found.append((numbers[0], None if to_the_end else numbers[-1] + 1))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A whole run of so many epochs of so many steps of an optimizer of that class's name.

    Groups go from input to output.
    """

    epochs: int
    steps_per_epoch: int
    optimizer: str
    groups: tuple[RecordedGroup, ...]

    def settings(self) -> tuple[Settings, ...]:
        """Return all settings that groups have which train, each once."""
        training = (group for group in self.groups if any(group.trains))
        return tuple(dict.fromkeys(each for group in training for each in group.settings))


def differences(recorded: Recorded, schedule: Schedule) -> list[str]:
    """Return what the loop does otherwise than the schedule, in sentences; none if it is the same.

    The rate of a group counts where it trains, since a frozen one moves nothing. Groups are matched
    by the parts that they hold, else by their names.
    """
    told = []
    if recorded.epochs != schedule.epochs:
        told.append(f"it has {recorded.epochs} epochs, the schedule {schedule.epochs}")
    told += _differences_of_optimizer(recorded, schedule.optimizer)
    for mine in recorded.groups:
        planned = _match(mine, schedule)
        if planned is None:
            told.append(f"{mine.name} is not a group of the schedule")
        else:
            told += _differences(recorded, mine, schedule, planned)
    names = {planned.name for g in recorded.groups if (planned := _match(g, schedule))}
    told += [f"it has no group {g.name}" for g in schedule.groups if g.name not in names]
    return told


def _differences_of_optimizer(recorded: Recorded, planned: Optimizer) -> Iterator[str]:
    if recorded.optimizer.lower() != planned.name:
        yield f"its optimizer is {recorded.optimizer}, the schedule's {planned.name}"
        return
    found = recorded.settings()
    decays = {each.weight_decay for each in found} - {planned.weight_decay}
    for decay in sorted(decays):
        yield f"it has weight decay {decay:g}, the schedule {planned.weight_decay:g}"
    due = planned.options().get("momentum", 0.0)
    for momentum in sorted({each.momentum for each in found} - {due}):
        yield f"it has momentum {momentum:g}, the schedule {due:g}"
    for other in dict.fromkeys(other for each in found for other in each.others):
        yield f"its optimizer has {other}, which no schedule has"


def _match(mine: RecordedGroup, schedule: Schedule) -> Group | None:
    same = (g for g in schedule.groups if set(g.modules) == set(mine.modules))
    named = (g for g in schedule.groups if g.name == mine.name)
    return next(same, None) or next(named, None)


def _differences(
    recorded: Recorded, mine: RecordedGroup, schedule: Schedule, planned: Group
) -> Iterator[str]:
    if more := apart(mine.modules, planned.modules):
        yield f"{mine.name} holds {', '.join(more)}, which it does not hold in the schedule"
    if less := apart(planned.modules, mine.modules):
        yield f"{mine.name} does not hold {', '.join(less)}, which it holds in the schedule"
    epochs = range(min(recorded.epochs, schedule.epochs))
    for wanted, word in ((True, "trains"), (False, "is frozen")):
        off = [e for e in epochs if mine.trains[e] is wanted is not plan.is_open(planned, e)]
        if off:
            yield f"{mine.name} {word} in epoch {', '.join(map(str, off))}, not in the schedule"
    trained = np.repeat(mine.trains[: len(epochs)], recorded.steps_per_epoch)
    steps = np.flatnonzero(trained)
    if not steps.size:
        return
    t = curves.time_of_step(schedule, steps, recorded.steps_per_epoch)
    due, rates = curves.lr(schedule, planned, t), np.array(mine.rates)[steps]
    errors = curves.relative_error(rates, due)
    worst = int(errors.argmax())
    if errors[worst] > curves.RATES_EQUAL:
        here, there = words.rate(float(rates[worst]), 6), words.rate(float(due[worst]), 6)
        told = f"{here} at step {steps[worst]}, in the schedule {there}"
        yield f"{mine.name} has the rate {told}"
