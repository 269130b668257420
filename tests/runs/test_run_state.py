from __future__ import annotations

import pytest

from core import presets
from core.cli import runs
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.description import RunState, run_state
from core.runs.processes import run_lock

SCHEDULE = presets.load("gradual")


def trained(run, epochs):
    """Let the run do these epochs, each with its checkpoint."""
    (run / run_folder.CHECKPOINTS).mkdir(exist_ok=True)
    for epoch in epochs:
        share = epoch / 10
        done = ev.EpochDone(epoch, ("head",), 9, 1.0, 0.5, 1.0, share, 1.0, 9.0, 9)
        event_log.append(run, done)
        (run / run_folder.CHECKPOINTS / f"epoch-{epoch + 1:05}-{'0' * 16}.pt").touch()


def ended(run, event):
    event_log.append(run, event)
    run_folder.write_summary(run, run_folder.run_summary(run, SCHEDULE))
    run_lock.release(run)


def test_a_run_that_is_on_or_was_interrupted_has_the_epochs_that_it_has_kept(run):
    assert run_state(run) == RunState("starting", 0, None)
    trained(run, range(3))
    assert run_state(run) == RunState("running", 3, None)
    assert runs.row(run, 9)[2:4] == ("3 of 6", "")
    run_lock.release(run)
    assert run_state(run) == RunState("interrupted", 3, None)


def test_a_run_of_another_machine_is_listed_with_its_host(run_elsewhere):
    assert run_state(run_elsewhere) == RunState("starting", 0, None, "node7")
    trained(run_elsewhere, range(3))
    assert runs.row(run_elsewhere, 9)[1:4] == ("running on node7", "3 of 6", "")


@pytest.mark.parametrize("end", [ev.Stopped(2), ev.Failed("why"), ev.Finished(9.0)])
def test_a_run_that_has_ended_has_the_accuracy_of_its_last_epoch(run, end):
    trained(run, range(2))
    ended(run, end)
    seconds = 9.0 if end == ev.Finished(9.0) else 2.0  # else those of its epochs
    assert run_state(run) == RunState(run_folder.status(run), 2, 0.1, seconds=seconds)
    assert runs.row(run, 9)[2:4] == ("2 of 6", "10.0%")


def test_a_run_that_was_resumed_tells_nothing_of_its_last_end(run):
    trained(run, range(2))
    ended(run, ev.Stopped(2))
    run_lock.acquire(run)
    trained(run, range(2, 5))
    assert run_state(run) == RunState("running", 5, None)
    run_lock.release(run)
    assert run_state(run) == RunState("interrupted", 5, None)
    event_log.append(run, ev.Failed("its disk is full, so that no summary could be written"))
    assert run_state(run) == RunState("failed", 5, None)
