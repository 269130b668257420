"""What a run prints in a terminal."""

from __future__ import annotations

import time

import pytest

from core import presets
from core.runs import events as ev
from core.runs.console import Console

STARTED = ev.Started(time.time(), "cpu", "CPU", 2, 4, 4, ("a", "b"), 10, 0.5)


def printed(capsys: pytest.CaptureFixture[str], *events: ev.Event) -> list[str]:
    console = Console(presets.load("gradual"))
    for event in events:
        console.show(event)
    console.close()
    return capsys.readouterr().out.splitlines()


def test_the_plan_says_what_the_cache_saves_and_holds(capsys: pytest.CaptureFixture[str]) -> None:
    both = ev.Forecast((21.0,), 21.0, 94.0, 214_000_000, 1_300_000_000)
    (line,) = printed(capsys, both)
    held = "holds 214 MB in memory and 1,300 MB on disk"
    assert line == f"plan    about 21 s, 1 min 34 s without the cache; {held}"


def test_a_plan_without_a_cache_claims_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ev.Forecast((21.0,), 21.0, 21.0)) == ["plan    about 21 s"]


def test_an_epoch_says_what_is_left_once_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    done = ev.EpochDone(0, ("head",), 10, 1.0, 0.5, 1.0, 0.5, 8.0, 4.0, 100)
    step = ev.Step(1, 0, 1.0, {})
    *_, line = printed(capsys, STARTED, ev.Forecast((4.0, *[3.0] * 5), 19.0, 19.0), step, done)
    assert "  8.0 s, about 30 s left  trains: head" in line  # twice as slow as predicted
    last = ev.EpochDone(5, ("head",), 10, 1.0, 0.5, 1.0, 0.5, 8.0, 4.0, 100)
    assert "left" not in printed(capsys, STARTED, last)[-1]


def test_a_run_of_less_precision_says_how_far_off_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(printed(capsys, ev.Audit(2, 0.0, True))) == 1
    *_, line = printed(capsys, ev.Audit(2, 0.0, True, precision_error=0.0034))
    assert line == "logits  differ from those of full float32 by at most 3.4e-03 of the largest"
