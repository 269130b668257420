"""The crosshair of a chart reads what the rate function says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.schedule import curves, plan, words
from core.schedule.spec import Schedule
from pages.components.shared import crosshair
from pages.components.shared.chart_style import View
from pages.components.shared.rates.chart import rate_reading
from tests.sample import stairs
from tests.schedule.strategies import schedules


@given(schedules(), st.integers(1, 50), st.sampled_from(["epoch", "step"]), st.booleans())
def test_each_group_is_read_at_its_rate_and_told_to_be_frozen(
    schedule: Schedule, steps: int, axis: str, closer: bool
) -> None:
    span = (schedule.epochs / 4, schedule.epochs / 2) if closer else None
    reading = rate_reading(schedule, steps, replace(View(), axis=axis, span=span))
    per_epoch = 1 if axis == "epoch" else steps
    drawn = [round(x / per_epoch * steps) for x in reading["x"]]
    rates = curves.rates_of_steps(schedule, drawn, steps)
    assert [line["name"] for line in reading["lines"]] == [g.name for g in schedule.groups][::-1]
    for line, group, row in zip(reading["lines"], schedule.groups[::-1], rates[::-1], strict=True):
        for text, step, rate in zip(line["values"], drawn, row.tolist(), strict=True):
            on = plan.trains_in(group, step // steps)
            assert text == words.rate(rate) + ("" if on else " frozen")


def test_a_share_of_the_peak_is_read_beside_the_rate() -> None:
    schedule = presets.load("exercise")
    reading = rate_reading(schedule, 10, View(unit="of peak"))
    last = curves.rates_of_steps(schedule, schedule.epochs * 10 - 1, 10)
    assert "of its peak" in reading["unit"]
    for line, group, rate in zip(reading["lines"][::-1], schedule.groups, last, strict=True):
        share = rate / curves.peak(schedule, group)
        assert line["values"][-1].endswith(f", {words.percent(share)}")


@given(schedules(), st.floats(0, 1, exclude_max=True))
def test_a_time_is_in_the_phase_that_has_begun_and_not_ended(
    schedule: Schedule, share: float
) -> None:
    t = share * schedule.epochs
    (number,), count = crosshair.phases(schedule, np.array([t]))
    phase = plan.phases(schedule)[number - 1]
    assert phase.start <= t < phase.end
    assert count == len(plan.phases(schedule))


def test_a_place_is_said_with_its_epoch_step_and_phase() -> None:
    places = crosshair.places(stairs(), np.array([0.0, 2.254]), 1_000)
    assert places == ["Epoch 0 · step 0 · phase 1 of 5", "Epoch 2.25 · step 2,254 · phase 3 of 5"]
