"""The results of a run so far, for comparing it with others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from core.runs import event_log, run_folder
from core.runs.events import Audit, EpochDone, Event, Started
from core.runs.progress import run_progress
from core.runs.status import Status, final_accuracy
from core.schedule.curves import RATES_EQUAL


@dataclass(frozen=True, slots=True)
class RunResults:
    """A run's status and epochs so far; `started` and `audit` are None before those events."""

    status: Status
    epochs: tuple[EpochDone, ...]
    started: Started | None
    audit: Audit | None

    @property
    def epoch_end_seconds(self) -> tuple[float, ...]:
        """Seconds from the start of training to the end of each epoch, breaks left out."""
        return tuple(accumulate(epoch.seconds for epoch in self.epochs))

    @property
    def seconds(self) -> float:
        """Seconds of all epochs."""
        return sum(epoch.seconds for epoch in self.epochs)

    @property
    def accuracy(self) -> float | None:
        """Validation accuracy after the last epoch, in [0, 1]."""
        return final_accuracy(self.epochs)

    @property
    def loss(self) -> float | None:
        """Validation loss after the last epoch."""
        return self.epochs[-1].validation_loss if self.epochs else None

    @property
    def peak_memory(self) -> int | None:
        """The most bytes that the run held at any moment."""
        return max((epoch.peak_memory for epoch in self.epochs), default=None)

    @property
    def audit_passed(self) -> bool | None:
        """Whether the audit found the planned rates and unchanged frozen groups; None before it."""
        if self.audit is None:
            return None
        return self.audit.frozen_groups_unchanged and self.audit.max_lr_error <= RATES_EQUAL


def run_results(run: Path) -> RunResults:
    """Return the results so far of the run in that folder; events are read again after a change."""
    try:
        log = (run / event_log.EVENTS).stat()
        events = _events_of(run, log.st_mtime_ns, log.st_size)
    except OSError:
        events = ()
    progress = run_progress(events)
    status = run_folder.status_from(run, events)
    return RunResults(status, progress.epochs, progress.started, progress.audit)


@lru_cache(maxsize=32)
def _events_of(run: Path, changed: int, size: int) -> tuple[Event, ...]:
    """Return the run's events but its steps, of which there may be millions."""
    return event_log.read(run, steps=False)
