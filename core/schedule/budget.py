"""The LR budget: which share of the epochs, and of the learning, a group gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.schedule import curves, plan
from core.schedule.curves import Array
from core.schedule.spec import Group, Schedule

_MAX_PER_EPOCH, _MIN_PER_EPOCH = 100, 4
_MAX_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class LRBudget:
    """A group's share of the run: of its epochs, and of the learning.

    `epochs` is the share of the run in which the group trains, in (0, 1]. `learning` is the sum of
    its rates while it trains, divided by the sum that it would have if it trained from start to
    end. It is above 1 only where `restart` gives the group a higher mean rate.
    """

    epochs: float
    learning: float


@dataclass(frozen=True, slots=True)
class EpochSums:
    """The sums of a curve's rates over each epoch, for any peak: peak · `of_peak` + `of_floor`."""

    of_peak: Array
    of_floor: Array

    def at(self, peak: float) -> Array:
        """Return the sums of the rates of a group with that peak, one for each epoch."""
        return peak * self.of_peak + self.of_floor


def budget(schedule: Schedule, group: Group) -> LRBudget | None:
    """Return the group's LR budget; None if it never trains.

    The rate is summed at 100 steps an epoch, or fewer where the run has over 100 epochs (midpoints,
    so the sum is the integral to 1e-4), or at each epoch for `interval: "epoch"`, where the rate is
    one number an epoch.
    """
    begins = curves.curve_start(schedule, group)
    return _budget(schedule, group, _sums(schedule, begins), _sums(schedule, 0))


def budgets(schedule: Schedule) -> tuple[LRBudget | None, ...]:
    """Return the `budget` of every group; what groups share is computed once."""
    sums = epoch_sums(schedule)
    return tuple(
        _budget(schedule, group, sums[curves.curve_start(schedule, group)], sums[0])
        for group in schedule.groups
    )


def epoch_sums(schedule: Schedule) -> dict[int, EpochSums]:
    """Return the sums of each group's curve by the epoch at which it begins, and of that from 0.

    Rates are summed in the same way as for `budget`.
    """
    starts = {curves.curve_start(schedule, group) for group in schedule.groups}
    return {begins: _sums(schedule, begins) for begins in sorted({0, *starts})}


def learning_by_epoch(schedule: Schedule, group: Group) -> Array:
    """Return each epoch's share of the learning of a group that trains from start to end.

    The shares sum to 1, or are all 0 where the group's rate is always 0. Rates are summed in the
    same way as for `budget`.
    """
    by_epoch = _sums(schedule, 0).at(curves.peak(schedule, group))
    possible = float(by_epoch.sum())
    return by_epoch / possible if possible > 0 else np.zeros_like(by_epoch)


def mean_rate(schedule: Schedule, group: Group) -> float:
    """Return the mean of the group's rates while it trains; 0 if it never does.

    Rates are taken at the same times as for `budget`.
    """
    sums = _sums(schedule, curves.curve_start(schedule, group)).at(curves.peak(schedule, group))
    by_epoch = sums / _times(schedule).shape[1]
    spans = plan.training_spans(group, schedule.epochs)
    return float(np.concatenate([by_epoch[start:end] for start, end in spans] or [[0.0]]).mean())


def _budget(schedule: Schedule, group: Group, sums: EpochSums, whole: EpochSums) -> LRBudget | None:
    spans = plan.training_spans(group, schedule.epochs)
    if not spans:
        return None
    peak = curves.peak(schedule, group)
    by_epoch = sums.at(peak)
    received = float(np.concatenate([by_epoch[start:end] for start, end in spans]).sum())
    possible = float(whole.at(peak).sum())
    return LRBudget(
        epochs=sum(end - start for start, end in spans) / schedule.epochs,
        learning=received / possible if possible > 0 else 0.0,
    )


def _sums(schedule: Schedule, begins: int) -> EpochSums:
    """Return the sums of the curve that begins at that epoch: rates are linear in the peak."""
    lr, t = schedule.lr, _times(schedule) - begins
    length = schedule.epochs - begins
    of_floor = curves.curve(lr, 0.0, t, length).sum(axis=1)
    return EpochSums(curves.curve(lr, 1.0, t, length).sum(axis=1) - of_floor, of_floor)


def _times(schedule: Schedule) -> Array:
    """Return the times at which the rate is summed, in epochs: a row for each epoch."""
    epochs = np.arange(schedule.epochs, dtype=np.float64)[:, np.newaxis]
    if schedule.lr.interval == "epoch":
        return epochs
    steps = int(np.clip(_MAX_STEPS // schedule.epochs, _MIN_PER_EPOCH, _MAX_PER_EPOCH))
    return epochs + (np.arange(steps) + 0.5) / steps
