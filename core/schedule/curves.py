"""The rate function: the learning rate of every group at every optimizer step.

Nothing else in Thaw computes a rate. The preview draws what these functions return, the scheduler
sets it, and the audit compares with it. They are pure and take arrays as well as numbers.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.schedule import shapes
from core.schedule.shapes import NO_FLOOR, WARMUPS
from core.schedule.spec import Group, LearningRate, Schedule

Array = shapes.Array

_MAX_ERROR = sys.float_info.max  # since JSON has no infinity
RATES_EQUAL = 1e-12
"""Relative difference up to which two rates are the same."""
AT_ONCE = 49_152
"""Rates of a long run that are computed at once, 8 bytes each: 4,096 steps of twelve groups."""
_BLOCK = 16_384
"""Times that are computed together: few enough to stay in the processor's cache."""


def curve(spec: LearningRate, peak: ArrayLike, t: ArrayLike, length: ArrayLike) -> Array:
    """Return the rate at `t` epochs after the start of a curve that lasts `length` epochs.

    With w warmup epochs and s the start factor:
    peak · (s + (1 - s) · rise(t / w)) for t < w, then floor + (peak - floor) · shape(x), where
    x = (t - w) / (length - w). Before its start the curve holds its first value, past its end
    its last one; when warmup takes the whole length, that is the peak.

    `peak`, `t` and `length` broadcast against each other; rates are in the optimizer's unit.
    """
    return _rate(spec, _unscaled_curve(spec, _floats(t), _floats(length)), _floats(peak))


def scale(schedule: Schedule, group: Group) -> float:
    """Return the group's peak as a share of the base rate: `lr_scale`, or group_decay ** distance.

    The distance counts groups from the last one, the head, which has 0. Raises KeyError for a group
    whose name the schedule does not have.
    """
    if not any(each is group for each in schedule.groups):  # names are slower to compare
        group = schedule.group(group.name)
    places = (at for at, each in enumerate(reversed(schedule.groups)) if each is group)
    return _scale(schedule, group, next(places))


def peak(schedule: Schedule, group: Group) -> float:
    """Return the group's highest scheduled rate without an absolute floor: base_lr · scale."""
    return schedule.optimizer.base_lr * scale(schedule, group)


def curve_start(schedule: Schedule, group: Group) -> int:
    """Return the epoch at which the group's curve begins: 0, or under `restart` its first thaw."""
    restarts = schedule.lr.after_unfreeze == "restart" and group.trainable
    return group.trainable[0][0] if restarts else 0


def lr(schedule: Schedule, group: Group, t: ArrayLike) -> Array:
    """Return the group's rate at `t` epochs from the start of the run, also while it is frozen."""
    begins = curve_start(schedule, group)
    length = schedule.epochs - begins
    return curve(schedule.lr, peak(schedule, group), _floats(t) - begins, length)


def rates(schedule: Schedule, t: ArrayLike) -> Array:
    """Return the rates of all groups at `t`, in an array of shape (groups, *t.shape).

    They equal `lr` of each group to the bit; what groups share is computed once.
    """
    t = _floats(t)
    last = len(schedule.groups) - 1
    base_lr = schedule.optimizer.base_lr
    peaks = [base_lr * _scale(schedule, g, last - at) for at, g in enumerate(schedule.groups)]
    starts = [curve_start(schedule, group) for group in schedule.groups]
    by_group = np.empty((len(peaks), t.size))
    flat = t.reshape(-1)
    for start in range(0, t.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        unscaled = {
            begins: _unscaled_curve(
                schedule.lr, flat[block] - begins, _floats(schedule.epochs - begins)
            )
            for begins in set(starts)
        }
        for row, begins, peak in zip(by_group, starts, peaks, strict=True):
            row[block] = _rate(schedule.lr, unscaled[begins], _floats(peak))
    return by_group.reshape(len(peaks), *t.shape)


def rates_of_steps(schedule: Schedule, steps: ArrayLike, steps_per_epoch: int) -> Array:
    """Return the rates of all groups at optimizer steps: an array of (groups, *steps.shape).

    Steps count from 0 and may be in any order. The rates equal `rates` at `time_of_step` to the
    bit; for `interval: "epoch"` each epoch is computed once.
    """
    t = time_of_step(schedule, steps, steps_per_epoch)
    if schedule.lr.interval == "step":
        return rates(schedule, t)
    epochs, places = np.unique(t, return_inverse=True)
    return np.take(rates(schedule, epochs), places.reshape(t.shape), axis=1)


def time_of_step(schedule: Schedule, step: ArrayLike, steps_per_epoch: int) -> Array:
    """Return the time of optimizer step `step` (from 0), in epochs.

    That is k / S for `interval: "step"`, floor(k / S) for `"epoch"`.
    """
    if schedule.lr.interval == "epoch":
        return _floats(np.asarray(step) // steps_per_epoch)
    return _floats(step) / steps_per_epoch


def relative_error(actual: ArrayLike, planned: ArrayLike) -> Array:
    """Return |actual - planned| / planned.

    It is the largest float where `actual` is NaN, and where 0 is planned and not met.
    """
    actual, planned = _floats(actual), _floats(planned)
    with np.errstate(all="ignore"):
        errors = np.abs(actual - planned) / planned
    errors = np.where(actual == planned, 0.0, errors)
    return np.where(np.isfinite(errors), errors, _MAX_ERROR)


@dataclass(frozen=True, slots=True)
class _UnscaledCurve:
    """A curve at several times, without its peak.

    `share` is the share of (peak - floor) that is left at each time. `warmup` says at which times
    the rate is a share of the peak instead, and gives that share; None if at none.
    """

    share: Array
    warmup: tuple[NDArray[np.bool_], Array] | None


def _unscaled_curve(spec: LearningRate, t: Array, length: Array) -> _UnscaledCurve:
    warmup, decay = spec.warmup, spec.decay
    left = length - warmup.epochs
    x = np.clip((t - warmup.epochs) / np.where(left > 0, left, np.inf), 0.0, 1.0)
    share = decay.share(x)
    warming = t < warmup.epochs
    if warmup.epochs == 0.0 or not np.any(warming):
        return _UnscaledCurve(share, None)
    rise = WARMUPS[warmup.shape].share(np.clip(t, 0.0, warmup.epochs) / warmup.epochs)
    start = warmup.start_factor
    return _UnscaledCurve(share, (warming, start + (1.0 - start) * rise))


def _rate(spec: LearningRate, curve: _UnscaledCurve, peak: Array) -> Array:
    floor = (spec.decay.floor or NO_FLOOR).at(peak)
    # floor + (peak - floor) · share, in the form that is exact at both ends
    rate = peak * curve.share + floor * (1.0 - curve.share)
    if curve.warmup is not None:
        warming, risen = curve.warmup
        rate = np.where(warming, peak * risen, rate)
    return np.asarray(rate, dtype=np.float64)


def _scale(schedule: Schedule, group: Group, distance: int) -> float:
    return float(schedule.lr.group_decay**distance) if group.lr_scale is None else group.lr_scale


def _floats(value: Any) -> Array:
    return np.asarray(value, dtype=np.float64)
