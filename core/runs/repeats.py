"""The runs that repeat a schedule with the same settings, each with another seed."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path

from core.compare.verdict import Trial
from core.errors import InputError
from core.runs import event_log, predictions, run_folder
from core.runs.description import documents
from core.runs.settings import RunSettings
from core.runs.status import Summary
from core.schedule.spec import Schedule

_MAX_RUNS = 300


def repeats(
    runs: Iterable[Path], schedule: Schedule, settings: RunSettings
) -> dict[int, tuple[Path, Trial]]:
    """Return those of the runs that repeat a schedule with these settings, by their seeds.

    They are finished. Of several with one seed the first is taken, and only the first 300 of `runs`
    are looked at.
    """
    found: dict[int, tuple[Path, Trial]] = {}
    for run in islice(runs, _MAX_RUNS):
        end = _finished(run)
        if end is None or (end.model, end.epochs) != (schedule.model.name, schedule.epochs):
            continue  # which is sooner known than that two schedules are equal
        with suppress(InputError, OSError):  # a damaged one, or one that is gone by now
            ran, its = documents(run)
            if not its.repeats(settings) or its.seed in found:
                continue
            if ran.equals_but_for_name(schedule) and (trial := trial_of(run)) is not None:
                found[its.seed] = run, trial
    return dict(sorted(found.items()))


def trial_of(run: Path) -> Trial | None:
    """Return the result of the run in that folder; None unless it has finished.

    Raises InputError or OSError for one whose schedule and settings cannot be read.
    """
    return _trial(run, _changed(run))


def _changed(run: Path) -> int:
    """Return when the run's summary was written, in ns; 0 without one."""
    try:
        return (run / run_folder.SUMMARY).stat().st_mtime_ns
    except OSError:
        return 0


def _finished(run: Path) -> Summary | None:
    return _summary(run, _changed(run))


@lru_cache(maxsize=512)
def _summary(run: Path, changed: int) -> Summary | None:
    end = run_folder.read_summary(run)
    return end if end is not None and end.status == "finished" else None


@lru_cache(maxsize=128)
def _trial(run: Path, changed: int) -> Trial | None:
    end, started = _summary(run, changed), event_log.started(run)
    if end is None or end.validation_accuracy is None or started is None:
        return None
    _, settings = documents(run)
    kept = predictions.read(run / run_folder.PREDICTIONS)
    right: dict[str, bool] = {}
    if kept is not None:
        answers = zip(kept.images, kept.true, kept.predicted, strict=True)
        right = {image: true == predicted for image, true, predicted in answers}
    return Trial(settings.seed, end.validation_accuracy, started.validation_images, right)
