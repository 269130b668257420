"""Exported Python code as a module that a test can call."""

from __future__ import annotations

import types

import numpy as np

from core.export.export_result import ExportSource
from core.models.layer_table import LayerTable
from core.schedule import curves, plan
from core.schedule.spec import Schedule
from tests.export.thrice import STEPS


def run_code(text: str | bytes) -> types.ModuleType:
    """A module with everything that the code defines."""
    assert isinstance(text, str)
    module = types.ModuleType("exported")
    exec(compile(text, "exported.py", "exec"), module.__dict__)
    return module


def source(schedule: Schedule, table: LayerTable | None = None, steps: int = STEPS) -> ExportSource:
    """The schedule, to be exported as it is, without a look for errors."""
    return ExportSource(schedule, steps, table)


def assert_table_is_the_plan(code: types.ModuleType, schedule: Schedule, steps: int) -> None:
    """Groups, rates to 1e-12 and who trains, at up to 100 of the steps, by the code's own law."""
    assert schedule.epochs == code.EPOCHS
    total = schedule.epochs * steps
    picked = range(0, total, max(1, total // 50))
    planned = curves.rates_of_steps(schedule, np.array(picked), steps).tolist()
    for mine, group, due in zip(code.GROUPS, schedule.groups, planned, strict=True):
        assert mine["name"] == group.name
        assert mine["parts"] == list(group.modules)
        assert mine["trains"] == list(group.trainable)
        for step, rate in zip(picked, due, strict=True):
            found = code.rate(mine, code.time(step, steps))
            # near the end of a cosine its last bit is all that is left of the peak
            assert abs(found - rate) <= 1e-12 * rate + 4e-16 * mine["peak"]
            assert code.trains(mine, step // steps) == plan.trains_in(group, step // steps)
