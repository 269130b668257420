"""How long a live run still takes: its forecast, held against the epochs that are finished."""

from __future__ import annotations

from core.runs.progress import RunProgress

_FACTORS = (0.25, 4.0)
"""How far what was measured may scale what is to come: one odd epoch says little."""


def remaining(progress: RunProgress, epochs: int, now: float) -> float | None:
    """Seconds that a run of so many epochs will still take; None where nothing can be said.

    `now` is in seconds since the Unix epoch. The epochs to come take what the forecast says, scaled
    by measured over predicted of this session's finished ones. Without a forecast (the cache is
    off) they take as long as the latest one. Of the current epoch, the share that is left counts.
    """
    if progress.started is None:
        return None
    first = progress.started.resumed_at
    at = progress.epochs[-1].epoch + 1 if progress.epochs else first
    ahead = _ahead(progress, at, epochs)
    if not ahead:
        return None
    done = sum(epoch.seconds for epoch in progress.epochs if epoch.epoch >= first)
    spent = max(0.0, now - progress.started.time - done)
    steps = progress.started.steps_per_epoch
    share = min(1.0, max(0.0, progress.steps_done - at * steps) / steps)
    return _rest(ahead, spent, share) + sum(ahead[1:])


def duration(seconds: float) -> str:
    """Seconds as a person says them: `40 s`, `1 min 05 s`, `2 h 07 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _ahead(progress: RunProgress, at: int, epochs: int) -> list[float]:
    """Expected seconds of the epochs from `at` on; none if nothing is left or known."""
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


def _rest(ahead: list[float], spent: float, share: float) -> float:
    """Seconds left of the current epoch, of whose steps `share` are done after `spent` seconds.

    A pass comes before the steps, so by the steps alone too much is left; by the clock alone an
    epoch that is late is never late. The next epoch tells how long one takes without a pass.
    """
    without_pass = min(ahead[:2])
    left = 1.0 - share
    return max(without_pass * left, min(ahead[0] - spent, ahead[0] * left))
