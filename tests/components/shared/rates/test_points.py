"""The points that the rate charts draw are the law's, and show every thaw."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.schedule import curves, plan
from core.schedule import sampling as drawn
from core.schedule.spec import Schedule
from pages.components.shared.rates.points import at_playhead, connected, rate_table, thaws
from tests.schedule.strategies import schedules


@given(schedules(), st.integers(1, 200))
def test_every_drawn_point_is_the_rate_of_its_step(schedule: Schedule, steps: int) -> None:
    table = pd.DataFrame(rate_table(schedule, steps))
    for group in schedule.groups:
        rows = table[table["group"] == group.name]
        t = curves.time_of_step(schedule, rows["step"].to_numpy(), steps)
        assert np.array_equal(rows["lr"].to_numpy(), curves.lr(schedule, group, t))
        epochs = rows["step"] // steps
        assert rows["trains"].tolist() == [plan.trains_in(group, epoch) for epoch in epochs]


@given(schedules(), st.integers(1, 200))
def test_the_first_step_of_every_window_is_drawn(schedule: Schedule, steps: int) -> None:
    drawn = set(rate_table(schedule, steps)["step"])
    for group in schedule.groups:
        for start, _ in plan.training_spans(group, schedule.epochs):
            assert start * steps in drawn


def test_a_long_run_is_drawn_with_a_screenful_of_points() -> None:
    schedule = presets.load("exercise")
    table = rate_table(schedule, 10_000)
    per_group = len(table["group"]) / len(set(table["group"]))
    corners = len(drawn.corners(schedule, 10_000))
    assert per_group <= drawn.MAX_POINTS + corners
    assert corners <= 2 * len(plan.phases(schedule)) + 2


def test_lines_reach_from_the_start_to_the_end_without_gaps() -> None:
    schedule = presets.load("gradual")
    table = rate_table(schedule, 10)
    table["x"], table["y"] = table["t"], table["lr"]
    lines = pd.DataFrame(connected(table, schedule.epochs))
    for _, rows in lines.groupby("group"):
        spans = [span["x"].agg(["min", "max"]).tolist() for _, span in rows.groupby("span")]
        assert spans[0][0] == 0
        assert spans[-1][1] == schedule.epochs
        assert all(before[1] == after[0] for before, after in pairwise(spans))


def test_a_thaw_has_a_dot_and_an_open_start_has_none() -> None:
    schedule = presets.load("gradual")
    table = rate_table(schedule, 10)
    found = thaws(table)
    dots = dict(zip(found["group"], found["t"], strict=True))
    expected = {g.name: g.trainable[0][0] for g in schedule.groups if g.trainable}
    assert dots == {name: start for name, start in expected.items() if start > 0}


@pytest.mark.parametrize(("playhead", "count"), [(0.0, 1), (1.0, 2), (0.99, 1)])
def test_the_playhead_reads_the_groups_that_train_there(playhead: float, count: int) -> None:
    assert len(at_playhead(presets.load("gradual"), playhead, 100)["group"]) == count


@given(schedules(), st.integers(1, 200), st.floats(0, 1))
def test_the_playhead_reads_the_rate_of_the_step_that_runs_there(
    schedule: Schedule, steps: int, share: float
) -> None:
    step = min(int(share * schedule.epochs * steps), schedule.epochs * steps - 1)
    found = at_playhead(schedule, (step + 0.5) / steps, steps)
    rates = curves.rates_of_steps(schedule, step, steps)
    runs = {group.name: rate for group, rate in zip(schedule.groups, rates, strict=True)}
    trains = {group.name for group in schedule.groups if plan.trains_in(group, step // steps)}
    shown = dict(zip(found["group"], found["lr"], strict=True))
    assert shown == {name: runs[name] for name in runs if name in trains}


def test_at_the_end_of_the_run_the_playhead_reads_its_last_step() -> None:
    schedule = presets.load("gradual")
    found = at_playhead(schedule, float(schedule.epochs), 2)
    last = curves.rates_of_steps(schedule, 2 * schedule.epochs - 1, 2)
    assert found["lr"].tolist() == [
        rate
        for group, rate in zip(schedule.groups, last, strict=True)
        if plan.trains_in(group, schedule.epochs - 1)
    ]
