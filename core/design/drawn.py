"""Which steps of a run to draw: a screen's worth, with every corner and every extreme in it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.design import curves, plan
from core.design.curves import Array
from core.design.spec import WSD, Schedule

Indices = NDArray[np.int64]

MOST_POINTS = 240


def steps_to_draw(
    schedule: Schedule, steps_per_epoch: int, closer: tuple[float, float] | None = None
) -> Indices:
    """Steps at which the planned rates are drawn, in order and without repeats.

    At most 240 that are evenly apart, the first and the last step of the run among them, and its
    `corners`; as many again between two epochs that are looked at more `closer`.
    """
    count = schedule.epochs * steps_per_epoch
    steps = np.union1d(even(count), corners(schedule, steps_per_epoch))
    if closer is None:
        return steps
    first = max(math.floor(closer[0] * steps_per_epoch), 0)
    last = min(math.ceil(closer[1] * steps_per_epoch), count - 1)
    return np.union1d(steps, first + even(last - first + 1)) if first <= last else steps


def corners(schedule: Schedule, steps_per_epoch: int) -> Indices:
    """Steps at which a line breaks or turns, in order and without repeats.

    The first step of every phase and the last one before it; and for every curve the steps about
    the end of its warmup and the start of its cooldown, or 240 of them where there are more.
    """
    last = schedule.epochs * steps_per_epoch - 1
    edges = np.array([phase.start * steps_per_epoch for phase in plan.phases(schedule)])
    turns = np.array(_turns(schedule)) * steps_per_epoch
    hold = steps_per_epoch if schedule.lr.interval == "epoch" else 1  # steps with one rate
    turns = np.concatenate([np.floor(turns / hold), np.ceil(turns / hold)]).astype(np.int64) * hold
    turns = np.unique(np.clip(turns, 0, last))
    return np.union1d([*edges, *np.maximum(edges - 1, 0)], turns[even(len(turns))])


def even(count: int, most: int = MOST_POINTS) -> Indices:
    """Places 0 to count - 1, or `most` of them evenly apart, with both ends."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def extremes(values: Array, most: int = 2 * MOST_POINTS) -> Indices:
    """Places of at most `most` values (2 or more) that draw the same picture as all of them.

    The first and the last value, and the lowest and the highest of each of equal stretches.
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most // 2).astype(np.int64)
    kept = {0, count - 1}
    for start, end in pairwise(edges.tolist()):
        stretch = values[start:end]
        kept |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return np.array(sorted(kept))


def _turns(schedule: Schedule) -> list[float]:
    """Times, in epochs, at which a curve ends its warmup or begins its cooldown."""
    decay = schedule.lr.decay
    found = []
    for begins in {curves.origin(schedule, group) for group in schedule.groups}:
        peak_at = begins + schedule.lr.warmup.epochs
        found.append(peak_at)
        if isinstance(decay, WSD):
            found.append(schedule.epochs - decay.cooldown * max(schedule.epochs - peak_at, 0.0))
    return found
