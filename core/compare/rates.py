"""Differences between the rates of a group, where one side or both are records of loops."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.compare import formats
from core.compare.comparable import Comparable
from core.compare.difference import Difference
from core.records.model import Record
from core.schedule import curves
from core.schedule.curves import RATES_EQUAL, Array
from core.schedule.plan import training_spans
from core.schedule.sampling import Indices, evenly_spaced
from core.schedule.spec import BaseGroup
from core.schedule.words import rate

_LARGE = 1e6
_SAME = 1e-9
"""Relative difference up to which two factors count as one."""
_MAX_STEPS = 5_000
"""Steps at equal distances at which rates are compared; the corners of both curves are added."""


def rate_differences(
    a: Comparable,
    before: BaseGroup,
    b: Comparable,
    after: BaseGroup,
    steps: Indices,
    per_epoch: int,
) -> Iterator[Difference]:
    """Yield the difference between the rates at those steps, in the epochs in which both train."""
    epochs = min(a.epochs, b.epochs)
    steps = steps[(_trains(before, epochs) & _trains(after, epochs))[steps // per_epoch]]
    old, new = _rates(a, before, steps, per_epoch), _rates(b, after, steps, per_epoch)
    errors = curves.relative_error(new, old)
    off = errors > max(RATES_EQUAL, *(each.within for each in (a, b) if isinstance(each, Record)))
    if not off.any():
        return
    with np.errstate(all="ignore"):
        factors = np.where(off, new / old, 1.0)
        far = np.abs(np.log(factors))
    worst, low, high = int(far.argmax()), float(factors.min()), float(factors.max())
    when = f"at epoch {steps[worst] / per_epoch:.3g}"
    if not np.isfinite(far).all():
        detail = when
        text = formats.change(float(old[worst]), float(new[worst]), rate)
    elif high - low > _SAME * high:
        text, detail = f"{_factor(low)} to {_factor(high)}", f"furthest {when}"
    else:
        text, detail = _factor(high), ""
    names, size = (after.name,), float(far[worst]) / np.log(2)
    yield Difference(f"{after.name}: rate {text}", detail, ("rates",), names, size)


def steps_to_compare(a: Comparable, b: Comparable) -> tuple[Indices, int]:
    """Return the steps at which rates are compared, and the number of steps per epoch.

    Where epochs of the two records have different numbers of steps, only the first one is compared
    and counts as the whole epoch.
    """
    records = [each for each in (a, b) if isinstance(each, Record)]
    epochs = np.arange(min(a.epochs, b.epochs))
    sizes = {record.steps_per_epoch for record in records}
    if len(sizes) > 1:
        return epochs, 1
    (per_epoch,) = sizes
    count = len(epochs) * per_epoch
    knots = np.concatenate([line.knots for record in records for line in record.lines])
    knots = knots[knots < count]
    steps = [
        evenly_spaced(count, _MAX_STEPS),
        knots[evenly_spaced(len(knots), _MAX_STEPS)],
        epochs * per_epoch,
    ]
    return np.unique(np.concatenate(steps)), per_epoch


def _trains(part: BaseGroup, epochs: int) -> NDArray[np.bool_]:
    """Return whether the group trains in each of so many epochs."""
    trains = np.zeros(epochs, dtype=np.bool_)
    for start, end in training_spans(part, epochs):
        trains[start:end] = True
    return trains


def _rates(of: Comparable, part: BaseGroup, steps: Indices, per_epoch: int) -> Array:
    if not isinstance(of, Record):
        return curves.lr(of, of.group(part.name), curves.time_of_step(of, steps, per_epoch))
    return of.at(part.name, steps * (of.steps_per_epoch // per_epoch))


def _factor(value: float) -> str:
    """Return a factor as `×0.5`, with as many digits as it takes to differ from ×1."""
    if value >= 1000:
        return f"×{value:,.0f}" if value < _LARGE else f"×{value:.0e}"
    texts = (f"×{value:.{digits}g}" for digits in range(3, 18))
    return next((text for text in texts if text != "×1"), "×1")
