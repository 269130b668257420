"""The law: the learning rate of every group at every optimizer step, as a pure function.

Nothing else in Thaw computes a rate. The preview draws what these functions return, the scheduler
sets it, and the audit compares with it. All of them take arrays as well as numbers.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.design.spec import FloorLR, Group, LearningRate, Schedule

Array = NDArray[np.float64]

_WRONG = sys.float_info.max  # JSON has no infinity


def cosine(x: Array) -> Array:
    """Share of (peak - floor) left at x in [0, 1]: (1 + cos(pi·x)) / 2 (SGDR, arXiv:1608.03983)."""
    return (1.0 + np.cos(np.pi * x)) / 2.0


def linear(x: Array) -> Array:
    """Share left at x in [0, 1]: 1 - x. `LinearLR` to the floor's factor."""
    return 1.0 - x


def constant(x: Array) -> Array:
    """Share left at x in [0, 1]: all of it. `ConstantLR` with factor 1."""
    return np.ones_like(x)


def wsd(x: Array, cooldown: float) -> Array:
    """Share left at x in [0, 1]: 1, then 1 - sqrt(y) with y from 0 to 1 over the last `cooldown`.

    `cooldown` is from 0.001 to 1. Source: Hägele et al. 2024, arXiv:2405.18392.
    """
    start = 1.0 - cooldown
    y = np.clip((x - start) / (1.0 - start), 0.0, 1.0)  # not / cooldown: exactly 1 at the end
    return 1.0 - np.sqrt(y)


def polynomial(x: Array, power: float) -> Array:
    """Share left at x in [0, 1]: (1 - x) ** power, power > 0. PyTorch's `PolynomialLR`."""
    return np.power(1.0 - x, power)


SHAPES: dict[str, Callable[..., Array]] = {
    "cosine": cosine,
    "linear": linear,
    "constant": constant,
    "wsd": wsd,
    "polynomial": polynomial,
}
"""Every decay shape by its name in the document; its other fields are its keyword arguments."""

_RISES: dict[str, Callable[[Array], Array]] = {
    "linear": lambda y: y,
    "cosine": lambda y: (1.0 - np.cos(np.pi * y)) / 2.0,
}


def curve(spec: LearningRate, peak: ArrayLike, t: ArrayLike, length: ArrayLike) -> Array:
    """Rate at `t` epochs after the origin of a curve that lasts `length` epochs.

    With w warmup epochs and s the start factor:
    peak · (s + (1 - s) · rise(t / w)) for t < w, then floor + (peak - floor) · shape(x), where
    x = (t - w) / (length - w). Before the origin the curve holds its first value, past its end
    its last one; when warmup takes the whole length, that is the peak.

    `peak`, `t` and `length` broadcast against each other; rates are in the optimizer's unit.
    """
    peak, t, length = np.broadcast_arrays(*map(_floats, (peak, t, length)))
    warmup, decay = spec.warmup, spec.decay
    left = length - warmup.epochs
    x = np.clip((t - warmup.epochs) / np.where(left > 0, left, np.inf), 0.0, 1.0)
    floor = _floor(spec, peak)
    options = decay.model_dump(exclude={"shape", "floor"})
    share = SHAPES[decay.shape](x, **options)
    # floor + (peak - floor) · share, in the form that is exact at both ends
    rate = peak * share + floor * (1.0 - share)
    if warmup.epochs > 0:
        rise = _RISES[warmup.shape](np.clip(t, 0.0, warmup.epochs) / warmup.epochs)
        start = warmup.start_factor
        rate = np.where(t < warmup.epochs, peak * (start + (1.0 - start) * rise), rate)
    return np.asarray(rate, dtype=np.float64)


def scale(schedule: Schedule, group: Group) -> float:
    """Share of the base rate that the group peaks at: `lr_scale`, or group_decay ** distance.

    The distance counts groups from the last one, the head, which has 0.
    """
    names = [each.name for each in schedule.groups]
    return _scale(schedule, group, len(names) - 1 - names.index(group.name))


def peak(schedule: Schedule, group: Group) -> float:
    """The group's highest scheduled rate without an absolute floor: base_lr · scale."""
    return schedule.optimizer.base_lr * scale(schedule, group)


def origin(schedule: Schedule, group: Group) -> int:
    """Epoch at which the group's curve begins: 0, or its first thaw under `restart`."""
    restarts = schedule.lr.after_unfreeze == "restart" and group.trainable
    return group.trainable[0][0] if restarts else 0


def lr(schedule: Schedule, group: Group, t: ArrayLike) -> Array:
    """Rate of `group` at `t` epochs from the start of the run, whether or not it is frozen then."""
    return _lr(schedule, group, scale(schedule, group), t)


def rates(schedule: Schedule, t: ArrayLike) -> Array:
    """Rates of all groups at `t`, stacked along a new first axis: shape (groups, *t.shape)."""
    last = len(schedule.groups) - 1
    return np.stack(
        [
            _lr(schedule, group, _scale(schedule, group, last - at), t)
            for at, group in enumerate(schedule.groups)
        ]
    )


def time_of_step(schedule: Schedule, step: ArrayLike, steps_per_epoch: int) -> Array:
    """Where on the curve optimizer step `step` (from 0) stands, in epochs.

    k / S for `interval: "step"`, floor(k / S) for `"epoch"`.
    """
    if schedule.lr.interval == "epoch":
        return _floats(np.asarray(step) // steps_per_epoch)
    return _floats(step) / steps_per_epoch


def _scale(schedule: Schedule, group: Group, distance: int) -> float:
    return float(schedule.lr.group_decay**distance) if group.lr_scale is None else group.lr_scale


def _lr(schedule: Schedule, group: Group, scale: float, t: ArrayLike) -> Array:
    begins = origin(schedule, group)
    length = schedule.epochs - begins
    return curve(schedule.lr, schedule.optimizer.base_lr * scale, _floats(t) - begins, length)


def relative_error(actual: float | None, planned: float) -> float:
    """|actual - planned| / planned; the largest float for no rate, and for one where 0 is due."""
    if actual is None or not math.isfinite(actual):
        return _WRONG
    if planned == 0.0:
        return 0.0 if actual == 0.0 else _WRONG
    return abs(actual - planned) / planned


def _floor(spec: LearningRate, peak: Array) -> Array:
    floor = getattr(spec.decay, "floor", None)
    if floor is None:
        return np.zeros_like(peak)
    return np.full_like(peak, floor.lr) if isinstance(floor, FloorLR) else peak * floor.factor


def _floats(value: Any) -> Array:
    return np.asarray(value, dtype=np.float64)
