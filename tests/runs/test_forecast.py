"""How long a live run still takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs import events as ev
from core.runs.forecast import duration, remaining
from core.runs.progress import RunProgress
from core.runs.steps import StepColumns

BEGAN = 1_000.0
STEPS = 10


def started(resumed_at: int = 0) -> ev.Started:
    return ev.Started(BEGAN, "cpu", "CPU", STEPS, 4, 4, ("a", "b"), 10, 0.5, resumed_at)


def done(epoch: int, seconds: float) -> ev.EpochDone:
    return ev.EpochDone(epoch, ("head",), 10, 1.0, 0.5, 1.0, 0.5, seconds, 4.0, 100)


def after(steps: int) -> StepColumns:
    last = steps - 1
    return StepColumns().with_more([ev.Step(last, last // STEPS, 1.0, {})] if steps else [])


def forecast(*epochs: float) -> ev.Forecast:
    return ev.Forecast(epochs, sum(epochs), 2 * sum(epochs))


def test_before_the_forecast_nothing_is_claimed() -> None:
    assert remaining(RunProgress(), 4, BEGAN) is None
    assert remaining(RunProgress(started=started()), 4, BEGAN + 3) is None


def test_at_first_it_is_the_forecast() -> None:
    told = RunProgress(started=started(), forecast=forecast(3, 2, 2))
    assert remaining(told, 3, BEGAN) == pytest.approx(7)


def test_epochs_to_come_are_scaled_by_what_the_finished_ones_took() -> None:
    told = RunProgress(
        started=started(), forecast=forecast(3, 2, 2), epochs=(done(0, 6.0),), steps=after(STEPS)
    )
    assert remaining(told, 3, BEGAN + 6) == pytest.approx(8)


def test_one_odd_epoch_scales_no_further_than_fourfold() -> None:
    told = RunProgress(
        started=started(), forecast=forecast(3, 2), epochs=(done(0, 300.0),), steps=after(STEPS)
    )
    assert remaining(told, 2, BEGAN + 300) == pytest.approx(8)


def test_of_the_current_epoch_the_share_of_steps_that_is_left_counts() -> None:
    told = RunProgress(
        started=started(), forecast=forecast(2, 2), epochs=(done(0, 2.0),), steps=after(STEPS + 5)
    )
    assert remaining(told, 2, BEGAN + 3) == pytest.approx(1)


def test_an_epoch_that_is_late_is_not_over_before_its_steps_are() -> None:
    told = RunProgress(started=started(), forecast=forecast(2, 2), steps=after(2))
    assert remaining(told, 2, BEGAN + 60) == pytest.approx(0.8 * 2 + 2)


def test_the_seconds_of_a_pass_are_gone_when_the_steps_begin() -> None:
    told = RunProgress(started=started(), forecast=forecast(12, 2, 2), steps=after(1))
    assert remaining(told, 3, BEGAN + 10) == pytest.approx(2 + 4)


def test_after_a_resume_only_its_own_epochs_are_compared() -> None:
    told = RunProgress(
        started=started(resumed_at=2),
        forecast=forecast(2, 2),
        epochs=(done(0, 90.0), done(1, 90.0), done(2, 4.0)),
        steps=after(3 * STEPS),
    )
    assert remaining(told, 4, BEGAN + 4) == pytest.approx(4)


def test_without_a_cache_the_latest_epoch_speaks_for_those_to_come() -> None:
    told = RunProgress(
        started=started(), epochs=(done(0, 1.0), done(1, 3.0)), steps=after(2 * STEPS)
    )
    assert remaining(told, 4, BEGAN + 4) == pytest.approx(6)


def test_after_the_last_epoch_nothing_is_left_to_say() -> None:
    told = RunProgress(
        started=started(), forecast=forecast(2), epochs=(done(0, 2.0),), steps=after(STEPS)
    )
    assert remaining(told, 1, BEGAN + 2) is None


@given(
    st.lists(st.floats(0, 1e4), min_size=1, max_size=6),
    st.integers(0, 60),
    st.floats(-10, 1e6),
)
def test_it_is_never_negative_and_never_over_the_unscaled_forecast_at_first(
    epochs: list[float], steps: int, passed: float
) -> None:
    told = RunProgress(started=started(), forecast=forecast(*epochs), steps=after(steps))
    left = remaining(told, len(epochs), BEGAN + passed)
    assert left is not None
    assert 0.0 <= left <= sum(epochs) + 1e-6


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (40, "40 s"), (65, "1 min 05 s"), (3599.7, "1 h 00 min"), (7620, "2 h 07 min")],
)
def test_durations_are_said_as_a_person_says_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
