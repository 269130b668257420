"""A new shape or optimizer needs one class: every export uses it, or refuses it by its name."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field

from core.compare.schedules import diff
from core.errors import ExportError
from core.export import targets
from core.export.export_result import ExportSource
from core.models import layer_table
from core.presets import by_name
from core.presets.apply import apply
from core.schedule.document import FieldText
from core.schedule.optimizers import OPTIMIZERS, OptimizerSpec
from core.schedule.shapes import DECAYS, NO_FLOOR, Array, DecayShape, Floor
from core.schedule.spec import Schedule
from tests.export.made import assert_table_is_the_plan, run_code
from tests.export.thrice import STEPS

TABLE = layer_table.load("timm/resnet18")
IN_WORDS = {"markdown", "latex", "html"}
WITHOUT_RATES = {"timm", "finetuning-scheduler"}
"""Targets with names for shapes, and with none."""
TRAINERS = {name for name, target in targets.TARGETS.items() if target.executes}


class Hyperbola(DecayShape):
    """A shape that is new, with a floor and a field of its own."""

    formula = "(1 - x) / (1 + pace * x)"
    python = ("share = (1 - x) / (1 + PACE * x)",)
    shape: Literal["hyperbola"] = "hyperbola"
    pace: Annotated[float, Field(ge=0, le=100), FieldText("Pace", comment="of the fall")] = 3.0
    floor: Floor = NO_FLOOR

    def share(self, x: Array) -> Array:
        return (1.0 - x) / (1.0 + self.pace * x)


class Halving(DecayShape):
    """A shape that is new, without a floor."""

    formula = "0.5 ** (8 * x)"
    python = ("share = 0.5 ** (8 * x)",)
    shape: Literal["halving"] = "halving"
    floor: ClassVar[None] = None

    def share(self, x: Array) -> Array:
        return np.power(0.5, 8.0 * x)


class Lamb(OptimizerSpec):
    """An optimizer that is new."""

    name: Literal["lamb"] = "lamb"
    base_lr: float = 1e-3


NEW = [Hyperbola(), Halving()]


def everything_trains() -> Schedule:
    """What every trainer can be given: all groups open, at one rate."""
    schedule = apply(by_name("head-only"), TABLE, epochs=4)
    groups = [g.model_copy(update={"trainable": ((0, None),)}) for g in schedule.groups]
    return schedule.model_copy(update={"groups": tuple(groups)})


def with_lr(**changed: Any) -> Schedule:
    schedule = everything_trains()
    return schedule.model_copy(update={"lr": schedule.lr.model_copy(update=changed)})


@pytest.mark.parametrize("shape", NEW, ids=lambda s: s.shape)
def test_exported_python_has_the_rates_of_a_new_shape(shape: DecayShape):
    schedule = with_lr(decay=shape)
    exported = targets.export("module", ExportSource(schedule, STEPS, TABLE))
    assert_table_is_the_plan(run_code(exported.content), schedule, STEPS)


@pytest.mark.filterwarnings("ignore:Pydantic serializer")  # no document holds it yet
@pytest.mark.parametrize("target", sorted((TRAINERS | IN_WORDS) - WITHOUT_RATES))
@pytest.mark.parametrize("shape", NEW, ids=lambda s: s.shape)
def test_a_new_shape_is_exported_to_every_target_that_takes_python_or_words(
    target: str, shape: DecayShape
):
    content = targets.export(target, ExportSource(with_lr(decay=shape), STEPS, TABLE)).content
    assert isinstance(content, str)
    assert shape.shape in content or shape.python[0] in content


@pytest.mark.parametrize("shape", NEW, ids=lambda s: s.shape)
def test_timm_refuses_a_new_shape_by_name(shape: DecayShape):
    with pytest.raises(ExportError, match=rf"^lr\.decay\.shape is '{shape.shape}'"):
        targets.export("timm", ExportSource(with_lr(decay=shape), STEPS, TABLE))


def test_timm_refuses_a_new_optimizer_by_name():
    schedule = everything_trains().model_copy(update={"optimizer": Lamb()})
    with pytest.raises(ExportError, match=r"^optimizer\.name is 'lamb'"):
        targets.export("timm", ExportSource(schedule, STEPS, TABLE))


@pytest.mark.parametrize("target", sorted(TRAINERS))
@pytest.mark.parametrize(
    ("field", "kinds"), [("lr.decay.shape", DECAYS), ("optimizer.name", OPTIMIZERS)]
)
def test_every_target_has_each_shape_and_optimizer_or_refuses_it_by_name(
    target: str, field: str, kinds: dict[str, Any]
):
    for name, kind in kinds.items():
        schedule = everything_trains()
        if field == "optimizer.name":
            spec = kind.model_validate({"name": name, "base_lr": 1e-3})
            schedule = schedule.model_copy(update={"optimizer": spec})
        else:
            schedule = with_lr(decay=kind.model_validate({"shape": name}))
        reason = ""
        try:
            targets.export(target, ExportSource(schedule, STEPS, TABLE))
        except ExportError as error:
            reason = str(error)
        assert not reason or reason.startswith(f"{field} is {name!r}")


@pytest.mark.filterwarnings("ignore:Pydantic serializer")  # no document holds them yet
def test_a_comparison_names_the_fields_that_a_shape_brings_with_its_name():
    cosine = with_lr(decay=DECAYS["cosine"].model_validate({"shape": "cosine"}))
    steps = with_lr(decay=DECAYS["steps"].model_validate({"shape": "steps"}))
    (line,) = diff(steps, cosine)
    assert line.text == "shape steps → cosine"
    assert line.detail == "floor ×0"
    own = {"shape", "milestones", "gamma", "floor"}
    assert set(line.fields) == {f"lr.decay.{name}" for name in own}
