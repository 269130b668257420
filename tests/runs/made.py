"""Run folders as a run's own process leaves them, made without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule


def finished_run(home: Path, name: str, schedule: Schedule, accuracies: Sequence[float]) -> str:
    """A run that ended after an epoch per accuracy, in that THAW_HOME; returns its source."""
    run = home / "runs" / name
    run.parent.mkdir(exist_ok=True)
    run_folder.create(run, schedule, RunSettings(samples=40, image_size=32))
    event_log.append(run, ev.Started(0.0, "cpu", "CPU", 2, 40, 20, ("a", "b"), 100, 0.5))
    for at, share in enumerate(accuracies):
        done = ev.EpochDone(at, ("head",), 10, 1.0, share, 2.0 - share, share, 2.0 + at, 9.0, 10**9)
        event_log.append(run, done)
    event_log.append(run, ev.Audit(2, 0.0, True))
    event_log.append(run, ev.Finished(9.0))
    run_folder.write_summary(run, run_folder.run_summary(run, schedule))
    run_lock.release(run)
    return f"run:{name}"
