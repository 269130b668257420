"""What a training loop does to its groups, step by step: recorded, and compared with a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.design import curves, plan
from core.design.spec import Group, Schedule

RATES_EQUAL = 1e-12
"""Relative difference up to which two rates are the same."""


@dataclass(frozen=True, slots=True)
class RecordedGroup:
    """Parameters that have the same rates and train in the same epochs.

    `modules` are paths of modules or parameters, `rates` has one for each step, `trains` says of
    each epoch whether they train.
    """

    name: str
    modules: tuple[str, ...]
    rates: tuple[float, ...]
    trains: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A whole run of so many epochs of so many steps; groups from input to output.

    `optimizer` is its class's name; weight decay and momentum are those of its defaults.
    """

    epochs: int
    steps_per_epoch: int
    optimizer: str
    groups: tuple[RecordedGroup, ...]
    weight_decay: float = 0.0
    momentum: float = 0.0


def rows(recorded: Recorded) -> Iterator[tuple[int, int, str, float, int]]:
    """Step, epoch, group, lr, trainable: the rows that `core.export.csv` has of a schedule."""
    for step in range(recorded.epochs * recorded.steps_per_epoch):
        epoch = step // recorded.steps_per_epoch
        for group in recorded.groups:
            yield step, epoch, group.name, group.rates[step], int(group.trains[epoch])


def differences(recorded: Recorded, schedule: Schedule) -> list[str]:
    """What the loop does otherwise than the schedule, in sentences; none if it is the same.

    The rate of a group counts where it trains, since a frozen one moves nothing. Groups are matched
    by the parts that they hold, else by their names.
    """
    told = []
    if recorded.epochs != schedule.epochs:
        told.append(f"it has {recorded.epochs} epochs, the schedule {schedule.epochs}")
    for mine in recorded.groups:
        planned = _match(mine, schedule)
        if planned is None:
            told.append(f"{mine.name} is no group of the schedule")
        else:
            told += _differences(recorded, mine, schedule, planned)
    names = {planned.name for g in recorded.groups if (planned := _match(g, schedule))}
    told += [f"it has no group {g.name}" for g in schedule.groups if g.name not in names]
    return told


def _match(mine: RecordedGroup, schedule: Schedule) -> Group | None:
    same = (g for g in schedule.groups if set(g.modules) == set(mine.modules))
    named = (g for g in schedule.groups if g.name == mine.name)
    return next(same, None) or next(named, None)


def _differences(
    recorded: Recorded, mine: RecordedGroup, schedule: Schedule, planned: Group
) -> Iterator[str]:
    epochs = range(min(recorded.epochs, schedule.epochs))
    for wanted, word in ((True, "trains"), (False, "is frozen")):
        off = [e for e in epochs if mine.trains[e] is wanted is not plan.is_open(planned, e)]
        if off:
            yield f"{mine.name} {word} in epoch {', '.join(map(str, off))}, in the schedule not"
    trained = np.repeat(mine.trains[: len(epochs)], recorded.steps_per_epoch)
    steps = np.flatnonzero(trained)
    if not steps.size:
        return
    t = curves.time_of_step(schedule, steps, recorded.steps_per_epoch)
    due, rates = curves.lr(schedule, planned, t), np.array(mine.rates)[steps]
    errors = curves.relative_errors(rates, due)
    worst = int(errors.argmax())
    if errors[worst] > RATES_EQUAL:
        told = f"{rates[worst]:.6g}, in the schedule {due[worst]:.6g}"
        yield f"{mine.name} has at step {steps[worst]} the rate {told}"
