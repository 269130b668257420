from __future__ import annotations

import pytest

from core import presets
from core.runs import events as ev
from core.runs.status import history, status_of, summary_of

LAUNCHED = ev.Launched()
FAILED = ev.Failed("the loss is nan")
FINISHED = ev.Finished(9.0)


def started(resumed_at: int = 0) -> ev.Started:
    return ev.Started(
        time=1.0,
        device="cpu",
        device_name="CPU, 2 cores, 8.0 GB",
        steps_per_epoch=2,
        train_images=4,
        validation_images=4,
        classes=("a", "b"),
        parameters=10,
        majority_accuracy=0.5,
        resumed_at=resumed_at,
    )


def step(number: int, loss: float = 1.0) -> ev.Step:
    return ev.Step(number, number // 2, loss, {"head": 0.1})


def epoch(number: int, accuracy: float = 0.7) -> ev.EpochDone:
    return ev.EpochDone(number, ("head",), 3, 1.0, 0.6, 0.9, accuracy, 2.0, 8.0, 100)


CASES = {
    "launched, alive": ([LAUNCHED], True, False, "starting"),
    "launched, gone": ([LAUNCHED], False, False, "interrupted"),
    "no event, alive": ([], True, False, "starting"),
    "no event, gone": ([], False, False, "interrupted"),
    "loading, alive": ([LAUNCHED, ev.Progress("loading")], True, False, "starting"),
    "started, alive": ([LAUNCHED, started()], True, False, "running"),
    "under way, by its last event": ([step(9)], True, False, "running"),
    "started, gone": ([LAUNCHED, started(), step(0)], False, False, "interrupted"),
    "asked to stop, alive": ([LAUNCHED, started()], True, True, "stopping"),
    "asked to stop while starting": ([LAUNCHED], True, True, "stopping"),
    "asked to stop, gone": ([LAUNCHED, started()], False, True, "interrupted"),
    "stopped": ([LAUNCHED, started(), ev.Stopped(1)], False, True, "stopped"),
    "stopped, about to exit": ([LAUNCHED, started(), ev.Stopped(1)], True, True, "stopped"),
    "finished": ([LAUNCHED, started(), FINISHED], False, False, "finished"),
    "finished although asked to stop": ([LAUNCHED, started(), FINISHED], True, True, "finished"),
    "failed": ([LAUNCHED, started(), FAILED], False, False, "failed"),
    "failed before it started": ([LAUNCHED, FAILED], False, False, "failed"),
    "resumed": ([LAUNCHED, started(), ev.Stopped(1), LAUNCHED], True, False, "starting"),
    "resumed, started": ([LAUNCHED, FAILED, LAUNCHED, started(1)], True, False, "running"),
    "resumed, gone": ([LAUNCHED, started(), FAILED, LAUNCHED], False, False, "interrupted"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_status_is_what_the_table_says(case):
    events, alive, stop_requested, expected = CASES[case]
    assert status_of(events, alive=alive, stop_requested=stop_requested) == expected


def test_a_resume_makes_void_what_it_does_anew_and_keeps_the_rest():
    decision = ev.CacheDecision(1, True, "x")
    events = [
        *(LAUNCHED, started(), step(0), step(1), epoch(0), decision, step(2, 7.0)),
        *(ev.Stopped(1), LAUNCHED, started(1), decision, step(2, 5.0), step(3), epoch(1)),
    ]
    kept = history(events)
    assert [e.loss for e in kept if isinstance(e, ev.Step)] == [1.0, 1.0, 5.0, 1.0]
    assert [e.epoch for e in kept if isinstance(e, ev.EpochDone)] == [0, 1]
    assert sum(isinstance(e, ev.CacheDecision) for e in kept) == 1
    assert not any(isinstance(e, ev.Stopped) for e in kept)


def test_what_every_sitting_notices_stands_once():
    few, lost = ev.Notice("there are 16 images"), ev.Notice("a checkpoint is damaged")
    events = [LAUNCHED, few, started(), step(0), LAUNCHED, few, lost, started(), step(0)]
    assert [e for e in history(events) if isinstance(e, ev.Notice)] == [few, lost]


def test_a_history_without_a_resume_is_the_events_themselves():
    events = (LAUNCHED, started(), step(0), step(1), epoch(0), FINISHED)
    assert history(events) == events


def test_the_summary_of_a_finished_run_has_its_last_epoch_and_audit():
    audit = ev.Audit(4, 0.0, True, (ev.FrozenSpan("stem", 0, 2, True),))
    events = [LAUNCHED, started(), epoch(0), epoch(1, 0.8), audit, FINISHED]
    made = summary_of(presets.load("gradual"), events)
    assert made.status == "finished"
    assert made.validation_accuracy == 0.8
    assert made.seconds == 9.0
    assert made.epochs_done == 2
    assert made.audit == audit


def test_the_summary_of_a_run_that_came_to_nothing_has_nulls():
    made = summary_of(presets.load("gradual"), [LAUNCHED, FAILED])
    assert made.status == "failed"
    assert made.validation_accuracy is None
    assert made.audit is None
    assert made.device is None
    assert made.epochs_done == 0


def test_each_of_a_hundred_thousand_notices_is_told_once():
    notices = tuple(ev.Notice(f"image {number} was left out") for number in range(50_000))
    assert history((LAUNCHED, started(), *notices, *notices)) == (LAUNCHED, started(), *notices)
