"""Which schedules are refused before anything runs."""

from __future__ import annotations

import pytest

from core import presets
from core.checks import problems, refuse_errors
from core.errors import ScheduleError
from core.models import layer_table
from core.presets import BUNDLED_MODEL
from core.schedule import edits
from core.schedule.spec import Schedule


def _with_errors() -> Schedule:
    idle = edits.set_windows(presets.load("head-only"), {"head": ()})
    return edits.set_field(idle, "model.weights", "IMAGENET: V9")


def test_every_error_is_told_with_its_field_and_its_problems_own_words() -> None:
    with pytest.raises(ScheduleError) as caught:
        refuse_errors(_with_errors(), layer_table.load(BUNDLED_MODEL))
    found = {error.field: error for error in caught.value.problems}
    assert list(found) == ["model.weights", "groups"]
    assert found["model.weights"].wrong == (
        "is 'IMAGENET: V9', which timm/tf_efficientnet_lite0 does not have"
    )
    assert str(found["groups"]) in {problem.message for problem in problems(_with_errors())}


def test_warnings_and_hints_refuse_nothing() -> None:
    schedule = edits.set_field(presets.load("head-only"), "lr.decay.floor", {"lr": 1.0})
    assert {problem.severity for problem in problems(schedule)} == {"warning", "hint"}
    refuse_errors(schedule, layer_table.load(BUNDLED_MODEL))
