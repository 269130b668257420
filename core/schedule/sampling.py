"""The steps of a run that a chart draws: a screenful, with every corner and extreme."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.schedule import curves, plan
from core.schedule.curves import Array
from core.schedule.spec import Schedule

Indices = NDArray[np.int64]

MAX_POINTS = 120


def steps_to_draw(
    schedule: Schedule, steps_per_epoch: int, closer: tuple[float, float] | None = None
) -> Indices:
    """Return the steps at which planned rates are drawn, in order and without repeats.

    They are at most 120 evenly spaced steps, the last one, and `corners`; `closer` = (start, end)
    in epochs adds at most 120 between these. Where rates change by epoch, the evenly spaced steps
    are first steps of epochs.
    """
    count = schedule.epochs * steps_per_epoch
    hold = _hold(schedule, steps_per_epoch)
    last = np.array([count - 1])
    steps = np.union1d(
        np.append(evenly_spaced(count // hold) * hold, last), corners(schedule, steps_per_epoch)
    )
    if closer is None:
        return steps
    first = max(math.floor(closer[0] * steps_per_epoch), 0) // hold
    until = min(math.ceil(closer[1] * steps_per_epoch), count - 1) // hold
    return (
        np.union1d(steps, (first + evenly_spaced(until - first + 1)) * hold)
        if first <= until
        else steps
    )


def corners(schedule: Schedule, steps_per_epoch: int) -> Indices:
    """Return the steps at which a line breaks or turns, in order and without repeats.

    They are the first step of every phase and the last one before it, and of every curve the steps
    around the end of its warmup, the start of its cooldown and its milestones, at most 120 of them.
    """
    last = schedule.epochs * steps_per_epoch - 1
    edges = np.array([phase.start * steps_per_epoch for phase in plan.phases(schedule)])
    turns = np.array(_turns(schedule)) * steps_per_epoch
    hold = _hold(schedule, steps_per_epoch)
    before, after = np.floor(turns / hold), np.ceil(turns / hold)  # which rounding may move by one
    turns = np.concatenate([before - 1, before, after, after + 1]).astype(np.int64) * hold
    turns = np.unique(np.clip(turns, 0, last))
    return np.union1d([*edges, *np.maximum(edges - 1, 0)], turns[evenly_spaced(len(turns))])


def evenly_spaced(count: int, most: int = MAX_POINTS) -> Indices:
    """Return the indices 0 to count - 1, or `most` of them, evenly spaced, with both ends."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def extremes(values: Array, most: int = 4 * MAX_POINTS) -> Indices:
    """Return the indices of at most `most` values (2 or more) that draw the same line as all.

    They are the first and the last, and the lowest and the highest of each of equal stretches.
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most // 2).astype(np.int64)
    chosen = {0, count - 1}
    for start, end in pairwise(edges.tolist()):
        stretch = values[start:end]
        chosen |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return np.array(sorted(chosen))


def _hold(schedule: Schedule, steps_per_epoch: int) -> int:
    """Return for how many steps a rate stays the same."""
    return steps_per_epoch if schedule.lr.interval == "epoch" else 1


def _turns(schedule: Schedule) -> list[float]:
    """Return the times, in epochs, at which a curve ends its warmup or has a corner."""
    decay = schedule.lr.decay
    turns = []
    for begins in {curves.curve_start(schedule, group) for group in schedule.groups}:
        peak_at = begins + schedule.lr.warmup.epochs
        left = max(schedule.epochs - peak_at, 0.0)
        turns.append(peak_at)
        turns += [peak_at + x * left for x in decay.corners()]
    return turns
