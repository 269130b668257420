"""Runs that wait for their turn, without processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core import presets
from core.demo import queue
from core.errors import InputError
from core.runs import estimate
from core.runs.estimate import Estimate
from core.runs.processes import in_turn, launch, run_lock
from core.runs.processes.in_turn import QueuedRun, RunsInTurn
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule

RUNS = [
    QueuedRun(presets.load("gradual"), RunSettings(seed=seed), Path("runs")) for seed in range(3)
]


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_turn, "_LOOK_SECONDS", 0.0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the runs that were started; each is in progress for two looks."""
    seeds: list[int] = []
    looks: Iterator[bool] = iter(())

    def start(schedule: Schedule, settings: RunSettings, root: Path) -> str:
        nonlocal looks
        seeds.append(settings.seed)
        looks = iter((True, True))
        return "run"

    monkeypatch.setattr(launch, "start", start)
    monkeypatch.setattr(queue, "busy", lambda _: next(looks, False))
    return seeds


def test_runs_start_in_their_order_and_each_once(started: list[int]) -> None:
    turn = RunsInTurn()
    turn.add([*RUNS, RUNS[0]])
    turn.join()
    assert started == [0, 1, 2]
    assert turn.waiting == ()
    turn.add(RUNS[:1])
    turn.join()
    assert started == [0, 1, 2, 0]


def test_a_run_that_has_begun_is_not_added_again_before_its_end(
    started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_on, has_begun, start = [True], threading.Event(), launch.start

    def begin(*run: Any) -> str:
        has_begun.set()
        return start(*run)

    monkeypatch.setattr(launch, "start", begin)
    monkeypatch.setattr(run_lock, "is_alive", lambda _: is_on[0])
    turn = RunsInTurn()
    turn.add(RUNS[:1])
    assert has_begun.wait(60)
    turn.add(RUNS[:2])  # as a double click does
    assert turn.begun == RUNS[0]
    assert turn.waiting == (RUNS[1],)
    turn.cancel()
    assert turn.holds(RUNS[0])
    is_on[0] = False
    turn.join()
    assert turn.begun is None
    assert started == [0]


def test_a_run_is_begun_with_its_estimate(
    started: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Estimate(60.0, 2 * 10**9, 10**8, 10**8, "none")
    (tmp_path / "run").mkdir()
    turn = RunsInTurn()
    turn.add([replace(RUNS[0], root=tmp_path, estimate=found)])
    turn.join()
    assert started == [0]
    assert estimate.read(tmp_path / "run") == found


def test_what_waits_can_be_cancelled(started: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "busy", lambda _: True)
    turn = RunsInTurn()
    turn.add(RUNS)
    assert turn.waiting == tuple(RUNS)
    turn.cancel()
    turn.join()
    assert started == []


def test_a_refusal_drops_all_and_is_told(
    started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise InputError("THAW_HOME", "is full", "free some space there")

    monkeypatch.setattr(launch, "start", refuse)
    turn = RunsInTurn()
    turn.add(RUNS)
    turn.join()
    assert turn.waiting == ()
    assert turn.refusal is not None
    assert "is full" in turn.refusal
    turn.cancel()
    assert turn.refusal is None
