"""A run at a glance."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from core.runs import events as ev
from core.runs.progress import RunProgress, extended, run_progress
from core.runs.status import history, status_of


def _started(resumed_at: int = 0) -> ev.Started:
    return ev.Started(0.0, "cpu", "CPU", 2, 4, 4, ("a", "b"), 10, 0.5, resumed_at)


def _epoch(epoch: int, seconds: float) -> ev.EpochDone:
    return ev.EpochDone(epoch, ("head",), 10, 1.0, 0.5, 1.0, 0.5, seconds, 4.0, 100)


def _step(step: int, loss: float = 1.0) -> ev.Step:
    return ev.Step(step, step // 2, loss, {"head": 0.1})


def test_nothing_told_is_an_empty_digest() -> None:
    assert run_progress(()).started is None
    assert run_progress(()).steps_done == 0


def test_events_are_sorted_by_kind_and_kept_in_order() -> None:
    told = (_started(), _step(0), _step(1), _epoch(0, 2.5), _step(2))
    found = run_progress(told)
    assert found.started == told[0]
    assert found.steps.step.tolist() == [0, 1, 2]
    assert found.steps.rates("head").tolist() == [0.1, 0.1, 0.1]
    assert found.epochs == (told[3],)
    assert found.steps_done == 3
    assert found.seconds == 2.5


def test_a_resume_takes_the_place_of_what_it_does_again() -> None:
    told = (_started(), _step(0), _step(1), _epoch(0, 1.0), _step(2, loss=9.0))
    found = run_progress((*told, _started(resumed_at=1), _step(2, loss=3.0)))
    assert found.steps.loss.tolist() == [1.0, 1.0, 3.0]
    assert len(found.epochs) == 1


def test_a_stage_is_over_when_a_step_or_another_sitting_follows() -> None:
    caching, checkpoint = ev.Progress("caching", 1, 2), ev.Progress("checkpoint", 1, 2)
    assert run_progress((_started(), caching)).progress == caching
    assert run_progress((_started(), caching, _step(0))).progress is None
    told = (_started(), caching, _step(0), _step(1), _epoch(0, 1.0), checkpoint)
    assert run_progress(told).progress == checkpoint
    assert run_progress((*told, _step(2))).progress is None
    assert run_progress((*told, ev.Launched())).progress is None


def test_a_forecast_is_that_of_the_sitting_that_goes_on() -> None:
    once, again = ev.Forecast((1.0, 1.0), 2.0, 4.0), ev.Forecast((3.0,), 3.0, 3.0)
    assert run_progress((_started(), once)).forecast == once
    assert run_progress((_started(), once, ev.Launched())).forecast is None
    assert run_progress((_started(), once, ev.Launched(), _started(1), again)).forecast == again


TOLD = st.one_of(
    st.builds(_step, st.integers(0, 5), st.floats(0, 9)),
    st.builds(_epoch, st.integers(0, 2), st.floats(0, 9)),
    st.builds(ev.Progress, st.sampled_from(["caching", "checkpoint"])),
    st.builds(ev.Notice, st.sampled_from(["one", "other"])),
    st.just(ev.Forecast((1.0,), 1.0, 2.0)),
    st.just(ev.Audit(1, 0.0, True, ())),
)
SITTINGS = st.tuples(
    st.just([ev.Launched()]),
    st.builds(_started, st.integers(0, 2)).map(lambda started: [started]),
    st.lists(TOLD, max_size=6),
    st.sampled_from([[], [ev.Stopped(0)], [ev.Failed("why")]]),
).map(lambda parts: [*chain(*parts)])


@given(st.lists(SITTINGS, max_size=3), st.integers(0, 20), st.integers(0, 3))
def test_what_is_read_piece_by_piece_equals_what_is_read_at_once(
    sessions: list[list[ev.Event]], piece: int, cut: int
) -> None:
    told = [*chain(*sessions)]
    told = told[: len(told) - cut]  # the last session goes on

    def flat(found: RunProgress) -> tuple[object, ...]:
        steps = found.steps
        rates = {group: lrs.tolist() for group, lrs in steps.lrs.items()}
        return (
            replace(found, steps=None),
            (steps.step.tolist(), steps.epoch.tolist(), steps.loss.tolist(), rates),
        )

    whole = run_progress(told)
    assert flat(extended(run_progress(told[:piece]), told[piece:])) == flat(whole)
    kept = [event for event in history(told) if isinstance(event, ev.Step)]
    assert whole.steps.loss.tolist() == [step.loss for step in kept]
    for alive in (True, False):
        stands = status_of((*whole.rare, *whole.last), alive=alive, stop_requested=False)
        assert stands == status_of(told, alive=alive, stop_requested=False)
