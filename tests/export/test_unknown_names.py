"""What an export has not been taught, a shape or an optimizer, is never taken for another."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from core.design import curves, layers
from core.design.apply import apply
from core.design.costs import state_bytes
from core.design.diff import diff
from core.design.document import Document
from core.design.learning_rate import NO_FLOOR, Floor, Warmup
from core.design.optimizers import OPTIMIZERS
from core.design.presets import find
from core.design.spec import Schedule
from core.errors import ExportError
from core.export import targets
from core.export.exported import Source
from core.grouping import group_paths, resolve_groups
from core.optimizer import build_optimizer
from tests.export.thrice import STEPS, Small

TABLE = layers.load("timm/resnet18")
IN_WORDS = {"markdown", "latex", "html"}
TRAINERS = {name for name, target in targets.TARGETS.items() if target.executes}


class Exponential(Document):
    """A shape that is new, with a floor as most have."""

    shape: Literal["exponential"] = "exponential"
    rate: float = 3.0
    floor: Floor = NO_FLOOR


class Halving(Document):
    """A shape that is new, without a floor."""

    shape: Literal["halving"] = "halving"


class Lamb(Document):
    """An optimizer that is new, with a field that no other has."""

    name: Literal["lamb"] = "lamb"
    base_lr: float = 1e-3
    weight_decay: float = 0.0
    trust: float = 1.0


class SlowWarmup(Warmup):
    """A warmup that rises in a new way."""

    shape: Literal["slow"] = "slow"


def everything_trains() -> Schedule:
    """What every trainer can be given: all groups open, at one rate."""
    schedule = apply(find("head-only"), TABLE, epochs=4)
    groups = [g.model_copy(update={"trainable": ((0, None),)}) for g in schedule.groups]
    return schedule.model_copy(update={"groups": tuple(groups)})


def with_lr(**changed: Any) -> Schedule:
    schedule = everything_trains()
    return schedule.model_copy(update={"lr": schedule.lr.model_copy(update=changed)})


@pytest.fixture(autouse=True)
def the_rate_function_knows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(curves.SHAPES, "exponential", lambda x, rate: np.exp(-rate * x))
    monkeypatch.setitem(curves.SHAPES, "halving", lambda x: 0.5 ** (8 * x))
    monkeypatch.setitem(curves.RISES, "slow", lambda y: y**2)


@pytest.mark.parametrize("target", sorted(TRAINERS | IN_WORDS))
@pytest.mark.parametrize("shape", [Exponential(), Halving()], ids=lambda s: s.shape)
def test_a_new_decay_shape_is_refused_by_name(target: str, shape: Exponential | Halving):
    with pytest.raises(ExportError, match=rf"^lr\.decay\.shape is '{shape.shape}'"):
        targets.export(target, Source(with_lr(decay=shape), STEPS, TABLE))


@pytest.mark.parametrize("target", sorted(TRAINERS - {"timm"}))
def test_a_new_rise_of_the_warmup_is_refused_by_name(target: str):
    slow = SlowWarmup(epochs=1.0)
    with pytest.raises(ExportError, match=r"^lr\.warmup\.shape is 'slow'"):
        targets.export(target, Source(with_lr(warmup=slow), STEPS, TABLE))


@pytest.mark.parametrize("target", sorted(TRAINERS | IN_WORDS))
def test_a_new_optimizer_is_refused_by_name(target: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(OPTIMIZERS, "lamb", "Lamb")
    monkeypatch.setattr("core.design.problems.optimizer.USUAL_RATES", {"lamb": (1e-6, 1.0)})
    monkeypatch.setattr("core.design.problems.optimizer.HIGHEST_DECAY", {"lamb": 1.0})
    schedule = everything_trains().model_copy(update={"optimizer": Lamb()})
    with pytest.raises(ExportError, match=r"^optimizer\.name is 'lamb'"):
        targets.export(target, Source(schedule, STEPS, TABLE))


@pytest.mark.filterwarnings("ignore:Pydantic serializer")  # it has not been taught either
def test_a_comparison_names_the_fields_that_a_new_shape_brings_with_its_name():
    (line,) = diff(with_lr(decay=Halving()), with_lr(decay=Exponential()))
    assert line.text == "shape halving → exponential"
    assert line.detail == "rate 3, floor ×0"
    assert set(line.fields) == {"lr.decay.shape", "lr.decay.rate", "lr.decay.floor"}


def test_a_new_optimizer_is_neither_trained_nor_counted_as_adamw():
    schedule = everything_trains().model_copy(update={"optimizer": Lamb()})
    groups = resolve_groups(Small(), group_paths(schedule))
    for ask in (lambda: build_optimizer(schedule, groups), lambda: state_bytes(Lamb())):
        with pytest.raises(AssertionError, match="lamb"):
            ask()
