"""What a run came to: its epochs by time, its end, and what the audit found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core import presets
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.results import run_results
from core.runs.settings import RunSettings

STARTED = ev.Started(0.0, "cpu", "CPU", 4, 40, 20, ("a", "b"), 100, 0.5)
AUDIT = ev.Audit(steps=8, max_lr_error=1e-16, frozen_groups_unchanged=True)


def epoch(number: int, accuracy: float, seconds: float, memory: int) -> ev.EpochDone:
    return ev.EpochDone(
        number, ("head",), 10, 1.0, 0.5, 1.0 - accuracy, accuracy, seconds, 9.0, memory
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    run_folder.create(path, presets.load("head-only"), RunSettings())
    run_lock.release(path)
    return path


def test_a_run_that_has_not_begun_has_no_figures(run: Path) -> None:
    found = run_results(run)
    assert found.status == "interrupted"
    assert (found.accuracy, found.loss, found.peak_memory, found.audit_passed) == (None,) * 4
    assert found.seconds == 0


def test_epochs_are_told_by_number_and_by_time(run: Path) -> None:
    told = (STARTED, epoch(0, 0.5, 3.0, 70), ev.Step(4, 1, 1.0, {}), epoch(1, 0.75, 2.0, 50))
    for event in (*told, AUDIT, ev.Finished(5.5)):
        event_log.append(run, event)
    found = run_results(run)
    assert found.status == "finished"
    assert found.epoch_end_seconds == (3.0, 5.0)
    assert (found.accuracy, found.loss, found.seconds) == (0.75, 0.25, 5.0)
    assert found.peak_memory == 70
    assert found.audit_passed is True
    assert found.started == STARTED


def test_a_resumed_run_counts_each_epoch_once(run: Path) -> None:
    for event in (STARTED, epoch(0, 0.5, 3.0, 1), epoch(1, 0.6, 3.0, 1), ev.Stopped(1)):
        event_log.append(run, event)
    assert run_results(run).epoch_end_seconds == (3.0, 6.0)
    for event in (ev.Launched(), replace(STARTED, resumed_at=1), epoch(1, 0.7, 4.0, 1)):
        event_log.append(run, event)
    found = run_results(run)
    assert found.epoch_end_seconds == (3.0, 7.0)
    assert found.status == "interrupted"


@pytest.mark.parametrize(
    "audit",
    [replace(AUDIT, max_lr_error=1e-6), replace(AUDIT, frozen_groups_unchanged=False)],
    ids=["another rate", "a group that moved"],
)
def test_an_audit_that_found_something_is_not_kept(run: Path, audit: ev.Audit) -> None:
    for event in (STARTED, epoch(0, 0.5, 3.0, 1), audit):
        event_log.append(run, event)
    assert run_results(run).audit_passed is False


def test_a_folder_that_is_gone_has_no_figures(tmp_path: Path) -> None:
    assert run_results(tmp_path / "gone").epochs == ()
