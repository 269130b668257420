"""The LR budget: the share of the epochs, and of the learning, that a group's windows give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.design import curves, plan
from core.design.curves import Array
from core.design.spec import Group, Schedule

_STEPS_PER_EPOCH = 100


@dataclass(frozen=True, slots=True)
class Budget:
    """`epochs`: share of the run in which the group trains, in (0, 1].

    `learning`: sum of its rate while open, over the sum of the rate it would have had if it had
    been open from the start to the end. Above 1 only where `restart` gives it a higher mean rate.
    """

    epochs: float
    learning: float


def budget(schedule: Schedule, group: Group) -> Budget | None:
    """What the group gets of the run; None if it never trains.

    The rate is summed at 100 steps an epoch (midpoints, so the sum is the integral to 1e-4), or
    at each epoch for `interval: "epoch"`, where the rate is one number an epoch.
    """
    spans = plan.open_spans(group, schedule.epochs)
    if not spans:
        return None
    t = _times(schedule)
    epoch = np.floor(t)
    is_open = np.zeros(t.shape, dtype=bool)
    for start, end in spans:
        is_open |= (start <= epoch) & (epoch < end)
    received = float(curves.lr(schedule, group, t)[is_open].sum())
    peak = curves.peak(schedule, group)
    possible = float(curves.curve(schedule.lr, peak, t, schedule.epochs).sum())
    return Budget(
        epochs=sum(end - start for start, end in spans) / schedule.epochs,
        learning=received / possible if possible > 0 else 0.0,
    )


def _times(schedule: Schedule) -> Array:
    if schedule.lr.interval == "epoch":
        return np.arange(schedule.epochs, dtype=np.float64)
    steps = np.arange(schedule.epochs * _STEPS_PER_EPOCH, dtype=np.float64)
    return (steps + 0.5) / _STEPS_PER_EPOCH
