"""The table of exact numbers holds the law's rates, by epoch and by step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.schedule import curves, plan
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from pages.components.design.rates_dialog import MAX_ROWS, exact_table
from tests.schedule.strategies import schedules


def test_the_table_of_epochs_says_frozen_where_a_group_is() -> None:
    table = exact_table(presets.load("exercise"), 1, "epoch")
    assert len(table) == 20
    assert presets.load("exercise").groups[4].name == "layer4"
    assert table["4"].tolist()[:3] == ["frozen", "frozen", "7e-5"]


def test_the_head_comes_first_as_in_the_timeline() -> None:
    assert presets.load("exercise").groups[5].name == "head"
    assert list(exact_table(presets.load("exercise"), 4, "epoch"))[:3] == ["epoch", "5", "4"]
    assert list(exact_table(presets.load("exercise"), 4, "step"))[:3] == ["step", "epoch", "5"]


def test_every_group_has_a_column_whatever_it_is_called() -> None:
    raw = to_raw(presets.load("exercise"))
    names = ("epoch", "group epoch", "step", "5", "0", "_index")
    for group, name in zip(raw["groups"], names, strict=True):
        group["name"] = name
    table, usual = (exact_table(s, 2, "step") for s in (from_raw(raw), presets.load("exercise")))
    assert table.equals(usual)


def test_a_long_run_shows_its_first_steps() -> None:
    assert len(exact_table(presets.load("exercise"), 1_000, "step")) == MAX_ROWS


@given(schedules(max_epochs=4, max_groups=3), st.integers(1, 6))
def test_every_row_is_the_law_at_its_step_to_ten_digits(schedule: Schedule, steps: int) -> None:
    table = exact_table(schedule, steps, "step")
    for place, group in enumerate(schedule.groups):
        t = curves.time_of_step(schedule, table["step"].to_numpy(), steps)
        for epoch, shown, rate in zip(
            table["epoch"], table[str(place)], curves.lr(schedule, group, t), strict=True
        ):
            if plan.trains_in(group, epoch):
                assert float(shown) == pytest.approx(rate, rel=1e-9, abs=0.0)
            else:
                assert shown == "frozen"


@given(schedules(max_epochs=6, max_groups=3), st.integers(1, 9))
def test_the_rows_by_epoch_are_the_first_steps_of_the_rows_by_step(
    schedule: Schedule, steps: int
) -> None:
    by_step = exact_table(schedule, steps, "step")
    first = by_step[by_step["step"] % steps == 0].drop(columns="step").reset_index(drop=True)
    assert exact_table(schedule, steps, "epoch").equals(first)
