"""The factor by which a schedule trains faster than another one, on average."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

from core import presets
from core.compare.align import group_rows
from core.compare.average import at_rate_of, rate_factor
from core.schedule import budget, curves, edits, plan
from core.schedule.document import MAX_NAME
from core.schedule.spec import Schedule
from tests.schedule.strategies import real_schedules

GRADUAL = presets.load("gradual")
DISCRIMINATIVE = presets.load("discriminative")


def factor(a: Schedule, b: Schedule) -> float | None:
    return rate_factor(a, b, group_rows((a, b)))


def test_a_mean_rate_is_that_of_the_epochs_in_which_a_group_trains() -> None:
    for group in GRADUAL.groups:
        spans = plan.training_spans(group, GRADUAL.epochs)
        times = [np.linspace(start, end, 2_001)[:-1] for start, end in spans]
        due = curves.lr(GRADUAL, group, np.concatenate(times)).mean() if times else 0.0
        assert budget.mean_rate(GRADUAL, group) == pytest.approx(due, rel=1e-2)


def test_the_factor_is_that_of_the_base_rates_and_none_of_a_group_that_one_alone_trains() -> None:
    fast = edits.set_field(DISCRIMINATIVE, "optimizer.base_lr", 0.006)
    assert factor(DISCRIMINATIVE, fast) == pytest.approx(3)
    assert factor(DISCRIMINATIVE, DISCRIMINATIVE) == 1
    alone = edits.set_windows(fast, {g.name: [] for g in fast.groups[:-1]})
    assert factor(DISCRIMINATIVE, alone) == pytest.approx(3)
    assert factor(edits.set_optimizer(fast, "sgd"), DISCRIMINATIVE) is None


def test_equal_rates_for_all_train_faster_than_lower_rates_for_early_layers() -> None:
    flat = edits.set_field(DISCRIMINATIVE, "lr.group_decay", 1.0)
    found = factor(DISCRIMINATIVE, flat)
    assert found is not None
    assert found > 2


@given(real_schedules())
def test_at_the_others_rate_no_factor_is_left(schedule: Schedule) -> None:
    assume(schedule.optimizer.base_lr > 1e-9)
    other = edits.set_field(schedule, "optimizer.base_lr", schedule.optimizer.base_lr / 2)
    found = factor(schedule, other)
    if found is not None and not hasattr(schedule.lr.decay.floor, "lr"):
        tried = at_rate_of(schedule, found, "x" * MAX_NAME)
        assert factor(tried, other) == pytest.approx(1, rel=0.01)
        assert len(tried.name) <= MAX_NAME
