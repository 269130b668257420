"""A recorded loop as a schedule, where the law can say exactly what the loop does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from core.design.curves import RISES, SHAPES, Array
from core.design.learning_rate import LEAST_GAMMA, MOST_MILESTONES
from core.design.optimizers import OPTIMIZERS
from core.design.parse import from_raw
from core.design.recorded import Recorded, RecordedGroup, differences
from core.design.spec import Schedule
from core.errors import InputError

_NEAR = 1e-9
"""Relative difference up to which a curve is worth being tried exactly."""
_NOTHING = 1e-12
"""A floor that arithmetic may have left of none."""
_DIGITS = 15
_MOST_STEPS = 20_000
_WAY_OUT = "compare the record itself"

Raw = dict[str, Any]


def as_schedule(
    recorded: Recorded,
    model: str,
    weights: str | None = None,
    *,
    name: str = "Recorded",
    when_frozen: Literal["eval", "train"] = "train",
) -> Schedule:
    """The schedule that has the record's rates, to 1e-12, and its groups and epochs.

    `model` and `weights` name the network, as in a schedule. `when_frozen` is not recorded: a loop
    that only sets `requires_grad` leaves a frozen group in train mode.

    Raises InputError where no schedule does: another optimizer than Adam, AdamW and SGD, one with
    options such as nesterov, weight decay or momentum that differ or change, groups that never
    train, rates without a warmup (or a linear or cosine one from step to step) and then a constant,
    linear or cosine decay or equal steps down to the end, and over 20,000 steps of different rates.
    """
    if not recorded.settings():
        raise InputError("groups", "never train", "record a loop that trains something")
    rates, per_epoch = _samples(recorded)
    if rates.shape[1] > _MOST_STEPS:
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
        found = from_raw({**document, "optimizer": optimizer, "lr": lr, "groups": groups})
        if not differences(recorded, found):
            return found
    raise _refused(
        "are none of the curves that are looked for: constant, linear, cosine or equal steps "
        "after a warmup of whole steps"
    )


def _samples(recorded: Recorded) -> tuple[Array, int]:
    """Rates (groups in the optimizer, samples), and samples per epoch: 1 if they suffice."""
    rates = np.array([group.rates for group in recorded.groups if any(group.rates)])
    if not rates.size:
        raise _refused("are all 0")
    firsts = rates[:, :: recorded.steps_per_epoch]
    if np.array_equal(np.repeat(firsts, recorded.steps_per_epoch, axis=1), rates):
        return firsts, 1
    return rates, recorded.steps_per_epoch


def _curves(rates: Array, per_epoch: int, epochs: int) -> Iterator[tuple[Raw, Array]]:
    """Curves that come near, with each group's peak; by the length of their warmup."""
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
    start = _round(shares[0, 0])
    if not 0 <= start < 1:
        return None
    for shape, rise in RISES.items():
        near = start + (1 - start) * rise(t / length)
        if np.allclose(shares, near, rtol=_NEAR, atol=_NEAR * 1e-3):
            return {"epochs": length, "start_factor": start, "shape": shape}
    return None


def _decays(rates: Array, peaks: Array, x: Array) -> Iterator[Raw]:
    if np.allclose(rates, peaks[:, np.newaxis], rtol=_NEAR, atol=0):
        yield {"shape": "constant"}
        return
    for shape in ("cosine", "linear"):
        share = SHAPES[shape](x)
        floors = (rates[:, -1] - peaks * share[-1]) / (1 - share[-1])
        near = np.outer(peaks, share) + np.outer(floors, 1 - share)
        if not np.allclose(rates, near, rtol=_NEAR, atol=0):
            continue
        factors = floors / peaks
        if np.allclose(factors, factors[-1], rtol=_NEAR, atol=_NEAR) and factors[-1] <= 1 + _NEAR:
            factor = min(max(_round(factors[-1]), 0.0), 1.0)
            for each in (0.0, factor) if factor < _NOTHING else (factor,):
                yield {"shape": shape, "floor": {"factor": each}}
        if np.allclose(floors, floors[-1], rtol=1e-6, atol=0) and floors[-1] > 0:
            lowest = int(peaks.argmin())  # where the floor is largest beside the peak, and so exact
            yield {"shape": shape, "floor": {"lr": _round(floors[lowest], 12)}}
    yield from _steps(rates, x)


def _steps(rates: Array, x: Array) -> Iterator[Raw]:
    """The stairs that the rates go down, if each is as many times lower than the one before."""
    falls = np.flatnonzero(np.any(np.diff(rates) != 0, axis=0)) + 1
    if not 1 <= len(falls) <= MOST_MILESTONES or not rates.all():
        return
    gammas = rates[:, falls] / rates[:, falls - 1]
    gamma = _round(gammas[0, 0])
    if LEAST_GAMMA <= gamma < 1 and np.allclose(gammas, gamma, rtol=_NEAR, atol=0):
        between = zip(x[falls - 1].tolist(), x[falls].tolist(), strict=True)
        yield {
            "shape": "steps",
            "milestones": [_shortest(before, at) for before, at in between],
            "gamma": gamma,
        }


def _shortest(before: float, at: float) -> float:
    """The number of the fewest digits after `before` and up to `at`, both from 0 to 1."""
    for digits in range(1, _DIGITS):
        scale = 10.0**digits
        cut = math.floor(at * scale) / scale
        if before < cut <= at:
            return cut
    return at


def _group(group: RecordedGroup, scale: float) -> Raw:
    return {
        "name": group.name,
        "modules": list(group.modules),
        "trainable": [list(window) for window in group.windows],
        "lr_scale": scale,
    }


def _optimizer(recorded: Recorded) -> Raw:
    kind = recorded.optimizer.lower()
    if kind not in OPTIMIZERS:
        wrong, way_out = f"is {recorded.optimizer}", "a schedule can have Adam, AdamW or SGD"
        raise InputError("optimizer", wrong, way_out)
    settings = recorded.settings()
    for each in settings:
        if each.others:
            wrong = f"has {', '.join(each.others)}"
            raise InputError(
                "optimizer", wrong, f"a schedule leaves them at their defaults: {_WAY_OUT}"
            )
    spec: Raw = {
        "name": kind,
        "weight_decay": _one("weight_decay", [each.weight_decay for each in settings]),
    }
    if kind == "sgd":
        spec["momentum"] = _one("momentum", [each.momentum for each in settings])
    return spec


def _one(field: str, values: list[float]) -> float:
    """The value that all groups have at every step."""
    different = sorted(set(values))
    if len(different) > 1:
        wrong = f"is {' and '.join(f'{value:g}' for value in different)}"
        raise InputError(field, wrong, f"a schedule has one for all groups: {_WAY_OUT}")
    return different[0]


def _round(value: float, digits: int = _DIGITS) -> float:
    """The number that was meant, where arithmetic has left it a last bit off."""
    return float(f"{value:.{digits}g}")


def _refused(wrong: str) -> InputError:
    return InputError("rates", wrong, f"{_WAY_OUT}, which core.record_json writes")
