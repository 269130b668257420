"""The schedule of a recorded loop, where one has exactly its rates, groups and epochs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from core.errors import InputError, nearest
from core.records.recorded_loop import LoopGroup, ParamGroupOptions, RecordedLoop, differences
from core.schedule.curves import Array
from core.schedule.document import field_texts
from core.schedule.optimizers import OPTIMIZERS
from core.schedule.parse import from_raw
from core.schedule.shapes import DECAYS, NEAR, WARMUPS, rounded
from core.schedule.spec import Schedule

_NOTHING = 1e-12
"""A floor up to this may be 0 with an error of arithmetic."""
_MAX_STEPS = 20_000
_WAY_OUT = "compare the record itself"

Raw = dict[str, Any]


def as_schedule(
    recorded: RecordedLoop,
    model: str,
    weights: str | None = None,
    *,
    name: str = "Recorded",
    when_frozen: Literal["eval", "train"] = "train",
) -> Schedule:
    """Return the schedule that has the record's rates, to 1e-12, and its groups and epochs.

    `model` and `weights` name the network, as in a schedule. `when_frozen` is not recorded: a loop
    that only sets `requires_grad` leaves a frozen group in train mode.

    Raises InputError where no schedule does: for an optimizer that no schedule has, options such as
    nesterov, weight decay or momentum that differ between groups or change, groups of which none
    trains, over 20,000 steps of different rates, and rates other than those of a warmup of whole
    steps (or none) and then one decay shape to the end.
    """
    if not recorded.options():
        raise InputError("groups", "never train", "record a loop that trains something")
    rates, per_epoch = _samples(recorded)
    if rates.shape[1] > _MAX_STEPS:
        raise _refused(f"have {rates.shape[1]:,} steps")
    document: Raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": name,
        "model": {"name": model, "weights": weights},
        "epochs": recorded.epochs,
        "optimizer": _optimizer(recorded),
    }
    for lr, peaks in _curves(rates, per_epoch, recorded.epochs):
        base = float(peaks[-1])
        lr["interval"] = "epoch" if per_epoch == 1 else "step"
        scales = iter((peaks / base).tolist())
        groups = [_group(g, next(scales) if any(g.rates) else 1.0) for g in recorded.groups]
        for group in groups:
            group["when_frozen"] = when_frozen
        optimizer = {**document["optimizer"], "base_lr": base}
        schedule = from_raw({**document, "optimizer": optimizer, "lr": lr, "groups": groups})
        if not differences(recorded, schedule):
            return schedule
    raise _refused(
        "are none of the curves that are looked for: a warmup of whole steps, or none, and then "
        f"{_recognised_shapes()}"
    )


def _recognised_shapes() -> str:
    """Return the names of the decay shapes that are recognised, as a choice."""
    names = [name for name, shape in DECAYS.items() if shape.is_recognised()]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _samples(recorded: RecordedLoop) -> tuple[Array, int]:
    """Return the rates, of shape (groups, samples), and the samples per epoch.

    These are 1 if rates are constant within epochs, else the steps per epoch. Groups without a rate
    are left out.
    """
    rates = np.array([group.rates for group in recorded.groups if any(group.rates)])
    if not rates.size:
        raise _refused("are all 0")
    firsts = rates[:, :: recorded.steps_per_epoch]
    if np.array_equal(np.repeat(firsts, recorded.steps_per_epoch, axis=1), rates):
        return firsts, 1
    return rates, recorded.steps_per_epoch


def _curves(rates: Array, per_epoch: int, epochs: int) -> Iterator[tuple[Raw, Array]]:
    """Yield curves that come near, with each group's peak, those with a shorter warmup first."""
    t = np.arange(rates.shape[1]) / per_epoch
    for at in range(rates.shape[1]):
        peaks = rates[:, at]
        warmup = _warmup(rates[:, :at], peaks, t[:at], float(t[at])) if peaks.all() else None
        if warmup is None:
            continue
        x = (t[at:] - t[at]) / (epochs - t[at])
        for decay in _decays(rates[:, at:], peaks, x):
            yield {"warmup": warmup, "decay": decay}, peaks


def _warmup(rates: Array, peaks: Array, t: Array, length: float) -> Raw | None:
    if not rates.size:
        return {"epochs": 0.0}
    shares = rates / peaks[:, np.newaxis]
    start = rounded(shares[0, 0])
    if not 0 <= start < 1:
        return None
    for shape, rise in WARMUPS.items():
        near = start + (1 - start) * rise.share(t / length)
        if np.allclose(shares, near, rtol=NEAR, atol=NEAR * 1e-3):
            return {"epochs": length, "start_factor": start, "shape": shape}
    return None


def _decays(rates: Array, peaks: Array, x: Array) -> Iterator[Raw]:
    """Yield the decays that come near, those with the fewest fields first."""
    share = rates[0] / peaks[0]
    for name, shape in sorted(DECAYS.items(), key=lambda item: len(field_texts(item[1]))):
        fields = shape.fit(share, x)
        if fields is None:
            continue
        raw = {"shape": name, **fields}
        if "floor" not in shape.model_fields:
            yield raw
        elif not np.allclose(share, 1.0, rtol=NEAR, atol=0):  # else it is constant
            left = shape.model_validate(raw).share(x)
            yield from ({**raw, "floor": floor} for floor in _floors(rates, peaks, left))


def _floors(rates: Array, peaks: Array, share: Array) -> Iterator[Raw]:
    """Yield the floors with which a decay of that share comes near the rates."""
    if share[-1] == 1:
        return
    floors = (rates[:, -1] - peaks * share[-1]) / (1 - share[-1])
    near = np.outer(peaks, share) + np.outer(floors, 1 - share)
    if not np.allclose(rates, near, rtol=NEAR, atol=0):
        return
    factors = floors / peaks
    if np.allclose(factors, factors[-1], rtol=NEAR, atol=NEAR) and factors[-1] <= 1 + NEAR:
        factor = min(max(rounded(factors[-1]), 0.0), 1.0)
        for each in (0.0, factor) if factor < _NOTHING else (factor,):
            yield {"factor": each}
    if np.allclose(floors, floors[-1], rtol=1e-6, atol=0) and floors[-1] > 0:
        lowest = int(peaks.argmin())  # where the floor is largest beside the peak, and so exact
        yield {"lr": rounded(floors[lowest], 12)}


def _group(group: LoopGroup, scale: float) -> Raw:
    return {
        "name": group.name,
        "modules": list(group.modules),
        "trainable": [list(window) for window in group.windows],
        "lr_scale": scale,
    }


def _optimizer(recorded: RecordedLoop) -> Raw:
    kind = recorded.optimizer.lower()
    if kind not in OPTIMIZERS:
        wrong, way_out = f"is {recorded.optimizer}", nearest(kind, OPTIMIZERS)
        raise InputError("optimizer", wrong, way_out)
    options = recorded.options()
    for each in options:
        if each.others:
            wrong = f"has {', '.join(each.others)}"
            raise InputError(
                "optimizer", wrong, f"a schedule leaves them at their defaults: {_WAY_OUT}"
            )
    spec: Raw = {"name": kind}
    for field in ParamGroupOptions._fields:
        if field in OPTIMIZERS[kind].model_fields:
            spec[field] = _one(field, [getattr(each, field) for each in options])
    return spec


def _one(field: str, values: list[float]) -> float:
    """Return the one value of all groups and steps; raise InputError if they differ."""
    different = sorted(set(values))
    if len(different) > 1:
        wrong = f"is {' and '.join(f'{value:g}' for value in different)}"
        raise InputError(field, wrong, f"a schedule has one for all groups: {_WAY_OUT}")
    return different[0]


def _refused(wrong: str) -> InputError:
    return InputError("rates", wrong, f"{_WAY_OUT}, which core.record_json writes")
