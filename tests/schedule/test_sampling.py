"""What is drawn of a long run keeps its ends, its corners and its extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.schedule import curves, plan, sampling
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from tests.schedule.strategies import schedules


def long_run(**lr: object) -> Schedule:
    raw = to_raw(presets.load("gradual"))
    raw["epochs"] = 300
    raw["lr"] |= lr
    for at, group in enumerate(reversed(raw["groups"])):
        group["trainable"] = [[31 * at, None]]
    return from_raw(raw)


@given(schedules(), st.integers(1, 500))
def test_drawn_steps_are_in_order_and_in_the_run(schedule: Schedule, per_epoch: int) -> None:
    steps = sampling.steps_to_draw(schedule, per_epoch)
    assert np.all(np.diff(steps) > 0)
    assert (steps[0], steps[-1]) == (0, schedule.epochs * per_epoch - 1)


def test_a_run_of_few_steps_is_drawn_whole() -> None:
    assert sampling.steps_to_draw(presets.load("gradual"), 3).tolist() == list(range(18))


def test_a_run_of_300_000_steps_is_drawn_with_a_screenful() -> None:
    schedule = long_run(after_unfreeze="restart", decay={"shape": "wsd", "cooldown": 0.1})
    assert 120 < len(sampling.steps_to_draw(schedule, 1_000)) < 200


@given(schedules(), st.integers(1, 50))
def test_lines_may_break_at_every_phase(schedule: Schedule, per_epoch: int) -> None:
    steps = set(sampling.steps_to_draw(schedule, per_epoch).tolist())
    for phase in plan.phases(schedule):
        assert {phase.start * per_epoch, max(phase.start * per_epoch - 1, 0)} <= steps


@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize("shape", ["linear", "wsd"])
def test_lines_through_the_drawn_steps_miss_no_corner_of_any_group(
    shape: str, interval: str
) -> None:
    schedule = long_run(
        after_unfreeze="restart",
        interval=interval,
        warmup={"epochs": 1.37, "start_factor": 0.0},
        decay={"shape": shape},
    )
    every = np.arange(300 * 100)
    rates = curves.rates_of_steps(schedule, every, 100)
    at = sampling.steps_to_draw(schedule, 100)
    for line in rates:
        assert line[at].max() == line.max()
        assert line[at].min() == line.min()
        if interval == "step" and shape == "linear":
            off = np.abs(np.interp(every, at, line[at]) - line)
            assert off.max() < 1e-6 * line.max()


def test_very_many_curves_have_a_bounded_number_of_turns() -> None:
    raw = to_raw(long_run(after_unfreeze="restart", warmup={"epochs": 0.5}))
    raw["groups"] = [
        {"name": f"g{at}", "modules": [f"m{at}"], "trainable": [[at, 300]]} for at in range(300)
    ]
    schedule = from_raw(raw)
    edges = 2 * len(plan.phases(schedule))
    assert len(sampling.corners(schedule, 1_000)) <= edges + sampling.MAX_POINTS


@given(st.lists(st.floats(-1e9, 1e9), max_size=300), st.integers(4, 60))
def test_extremes_keep_the_ends_the_lowest_and_the_highest(values: list[float], most: int) -> None:
    kept = sampling.extremes(np.array(values), most).tolist()
    assert len(kept) <= most
    assert kept == sorted(set(kept))
    if len(values) <= most:
        assert kept == list(range(len(values)))
        return
    assert (kept[0], kept[-1]) == (0, len(values) - 1)
    shown = [values[place] for place in kept]
    assert (min(shown), max(shown)) == (min(values), max(values))


def test_a_single_spike_among_300_000_values_is_drawn() -> None:
    values = np.zeros(300_000)
    values[123_457] = 7.0
    kept = sampling.extremes(values)
    assert 123_457 in kept
    assert len(kept) <= 480


def test_a_part_that_is_looked_at_closer_has_as_many_points_as_the_run() -> None:
    schedule = long_run()
    steps = sampling.steps_to_draw(schedule, 1_000, closer=(100.2, 110.0))
    inside = steps[(steps >= 100_200) & (steps <= 110_000)]
    assert len(inside) >= sampling.MAX_POINTS
    assert {0, 299_999} <= set(steps.tolist())
    assert sampling.steps_to_draw(schedule, 1, closer=(400.0, 410.0)).tolist() == (
        sampling.steps_to_draw(schedule, 1).tolist()
    )


def test_stairs_are_drawn_where_the_rates_change() -> None:
    schedule = long_run(interval="epoch")
    steps = sampling.steps_to_draw(schedule, 1_000)
    evenly = set(steps.tolist()) - set(sampling.corners(schedule, 1_000).tolist()) - {299_999}
    assert {step % 1_000 for step in evenly} == {0}
