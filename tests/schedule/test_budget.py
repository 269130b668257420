from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from core.schedule import curves, parse
from core.schedule.budget import budget, budgets
from core.schedule.spec import Schedule
from tests.schedule.strategies import schedules


def schedule(windows: list[list[int | None]], epochs: int = 8, **lr: Any) -> Schedule:
    raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": "One",
        "model": {"name": "mine/net"},
        "epochs": epochs,
        "optimizer": {"name": "adam", "base_lr": 1e-3},
        "lr": lr,
        "groups": [{"name": "g", "modules": ["m"], "trainable": windows}],
    }
    return parse.parse(json.dumps(raw))


def shares(windows: list[list[int | None]], **kwargs: Any) -> tuple[float, float]:
    given = schedule(windows, **kwargs)
    found = budget(given, given.groups[0])
    assert found is not None
    return found.epochs, found.learning


FLAT: dict[str, Any] = {"decay": {"shape": "constant"}}
LINE: dict[str, Any] = {"decay": {"shape": "linear"}}


def test_a_group_without_a_window_in_the_run_has_no_budget() -> None:
    for windows in ([], [[8, None]], [[9, 12]]):
        given = schedule(windows)
        assert budget(given, given.groups[0]) is None


def test_a_group_open_throughout_gets_everything() -> None:
    assert shares([[0, None]]) == (1.0, pytest.approx(1.0))


def test_under_a_constant_rate_learning_is_the_share_of_epochs() -> None:
    assert shares([[1, 3], [6, 12]], **FLAT) == (0.5, pytest.approx(0.5))


def test_the_late_half_of_a_straight_line_is_a_quarter_of_the_learning() -> None:
    assert shares([[4, None]], **LINE) == (0.5, pytest.approx(0.25))


def test_by_epochs_each_epoch_counts_its_one_rate() -> None:
    # Rates at the starts of four epochs: 4, 3, 2, 1 of 4.
    by_epochs = shares([[2, None]], epochs=4, interval="epoch", **LINE)
    assert by_epochs == (0.5, pytest.approx((2 + 1) / (4 + 3 + 2 + 1)))


def test_a_late_thaw_under_warmup_and_cosine_gets_far_less_than_its_epochs() -> None:
    epochs, learning = shares(
        [[6, None]],
        warmup={"epochs": 1, "start_factor": 0.1},
        decay={"shape": "cosine", "floor": {"factor": 0.01}},
    )
    assert epochs == 0.25
    # By hand: warmup, 7 epochs of cosine, and the cosine's last two, from x = 5/7 to 1.
    warmup = (0.1 + 1.0) / 2
    decay = 7 * (0.01 + 1.0) / 2
    last = 2 * (0.01 + 1.0) / 2 - 7 * (0.99 / 2) * math.sin(math.pi * 5 / 7) / math.pi
    assert learning == pytest.approx(last / (warmup + decay), abs=1e-4)


def test_a_restart_gives_a_late_group_more_than_following_does() -> None:
    _, follow = shares([[4, None]], after_unfreeze="follow", **LINE)
    _, restart = shares([[4, None]], after_unfreeze="restart", **LINE)
    assert restart == pytest.approx(0.5)
    assert restart > follow


def test_the_budget_is_of_the_groups_own_curve_not_of_the_heads() -> None:
    given = schedule([[0, None]], group_decay=0.1)
    twice = given.model_dump(mode="json")
    twice["groups"].append({"name": "head", "modules": ["fc"], "trainable": [[0, None]]})
    both = parse.parse(json.dumps(twice))
    found = [budget(both, group) for group in both.groups]
    assert found[0] == found[1]


@given(schedules())
def test_the_budgets_of_all_groups_are_each_groups_own(given_: Schedule) -> None:
    assert budgets(given_) == tuple(budget(given_, group) for group in given_.groups)


@pytest.mark.parametrize("floor", [{"lr": 1e-2}, {"factor": 0.3}])
@pytest.mark.parametrize("epochs", [7, 1_500])
def test_learning_is_the_sum_of_the_rates_of_a_fine_table(
    epochs: int, floor: dict[str, float]
) -> None:
    start = epochs // 3
    warmup = {"epochs": 0.7, "start_factor": 0.2}
    given = schedule(
        [[start, None]], epochs, warmup=warmup, decay={"shape": "cosine", "floor": floor}
    )
    rates = curves.rates_of_steps(given, np.arange(epochs * 500), 500)[0]
    found = budget(given, given.groups[0])
    assert found is not None
    assert found.learning == pytest.approx(rates[start * 500 :].sum() / rates.sum(), abs=2e-4)
