"""The time that a live run will still take, by its forecast and the epochs that are done."""

from __future__ import annotations

from core.runs.progress import RunProgress

_FACTORS = (0.25, 4.0)
"""Bounds of the factor by which measured epochs scale the forecast: one odd epoch says little."""


def remaining(progress: RunProgress, epochs: int, now: float) -> float | None:
    """Return the seconds that a run of so many epochs will still take; None if that is unknown.

    `now` is in seconds since 1970. Later epochs take what the forecast says, scaled by measured
    over predicted seconds of the epochs that this session has done. Without a forecast (the cache
    is off) they take as long as the latest one. For the current epoch see `_left_of_current`.
    """
    if progress.started is None:
        return None
    first = progress.started.resumed_at
    at = progress.epochs[-1].epoch + 1 if progress.epochs else first
    expected = _expected(progress, at, epochs)
    if not expected:
        return None
    done = sum(epoch.seconds for epoch in progress.epochs if epoch.epoch >= first)
    spent = max(0.0, now - progress.started.time - done)
    steps = progress.started.steps_per_epoch
    share = min(1.0, max(0.0, progress.steps_done - at * steps) / steps)
    return _left_of_current(expected, spent, share) + sum(expected[1:])


def duration(seconds: float) -> str:
    """Return seconds in words, as in `40 s`, `1 min 05 s` or `2 h 07 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _expected(progress: RunProgress, at: int, epochs: int) -> list[float]:
    """Return the expected seconds of each epoch from `at` on; empty if they are unknown."""
    if progress.forecast is None:
        measured = [epoch.seconds for epoch in progress.epochs if epoch.epoch == at - 1]
        return measured * (epochs - at)
    begins = epochs - len(progress.forecast.epochs)
    predicted = dict(enumerate(progress.forecast.epochs, begins))
    known = [epoch for epoch in progress.epochs if epoch.epoch in predicted]
    expected = sum(predicted[epoch.epoch] for epoch in known)
    factor = sum(epoch.seconds for epoch in known) / expected if expected > 0 else 1.0
    low, high = _FACTORS
    factor = min(high, max(low, factor))
    return [factor * predicted[epoch] for epoch in range(at, epochs) if epoch in predicted]


def _left_of_current(expected: list[float], spent: float, share: float) -> float:
    """Return the seconds left of the current epoch, whose steps are done to this share.

    Caching comes before the steps, so the share of steps alone would give too much, and the seconds
    spent alone would give too little for a slow epoch. The next epoch is one without caching.
    """
    without_caching = min(expected[:2])
    left = 1.0 - share
    return max(without_caching * left, min(expected[0] - spent, expected[0] * left))
