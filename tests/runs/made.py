"""Run folders as a run's own process leaves them, made without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.runs import event_log, predictions, run_folder
from core.runs import events as ev
from core.runs.predictions import Predictions
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule

SETTINGS = RunSettings(samples=40, image_size=32)


def finished_run(
    home: Path,
    name: str,
    schedule: Schedule,
    accuracies: Sequence[float],
    *,
    images: int = 20,
    settings: RunSettings = SETTINGS,
    predicts: bool = False,
) -> str:
    """A run that ended after an epoch per accuracy, in that THAW_HOME; returns its source.

    If it `predicts`, it is right on the first of its validation images.
    """
    run = home / "runs" / name
    run.parent.mkdir(exist_ok=True)
    run_folder.create(run, schedule, settings)
    event_log.append(run, ev.Started(0.0, "cpu", "CPU", 2, 40, images, ("a", "b"), 100, 0.5))
    for at, share in enumerate(accuracies):
        done = ev.EpochDone(at, ("head",), 10, 1.0, share, 2.0 - share, share, 2.0 + at, 9.0, 10**9)
        event_log.append(run, done)
    if predicts:
        predicted = [int(at >= accuracies[-1] * images) for at in range(images)]
        content = Predictions(
            classes=("a", "b"),
            images=tuple(map(str, range(images))),
            true=(0,) * images,
            predicted=tuple(predicted),
            confidence=(0.9,) * images,
        )
        predictions.write(run / run_folder.PREDICTIONS, content)
    event_log.append(run, ev.Audit(2, 0.0, True))
    event_log.append(run, ev.Finished(9.0))
    run_folder.write_summary(run, run_folder.run_summary(run, schedule))
    run_lock.release(run)
    return f"run:{name}"
