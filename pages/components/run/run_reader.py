"""The progress of a run, read once for all sessions that watch it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from core.runs import event_log, run_folder
from core.runs.progress import RunProgress, extended
from core.schedule.spec import Schedule
from pages.components.run.audit_card import largest_error
from pages.components.shared.state import current


class RunSnapshot(NamedTuple):
    """The progress of a run up to a byte `offset` of its events; `written` identifies its folder.

    `error` is the largest relative difference of a rate from the plan.
    """

    progress: RunProgress = RunProgress()
    error: float = 0.0
    offset: int = 0
    written: tuple[int, ...] = ()


@dataclass(slots=True, weakref_slot=True)
class RunReader:
    """A reader of a run's events as they come; it lives as long as a session watches the run."""

    run: Path
    snapshot: RunSnapshot = field(default_factory=RunSnapshot)
    lock: Any = field(default_factory=threading.Lock)

    def read(self, schedule: Schedule) -> RunSnapshot:
        """Return the progress by now, reading only what is new."""
        with self.lock:
            before, (written, size) = self.snapshot, _written(self.run)
            if written != before.written or size < before.offset:
                before = RunSnapshot()
            events, offset = event_log.read_new(self.run, before.offset)
            progress = extended(before.progress, events)
            resumed = progress.started is not before.progress.started
            since, error = (0, 0.0) if resumed else (len(before.progress.steps), before.error)
            error = max(error, largest_error(schedule, progress, since))
            self.snapshot = RunSnapshot(progress, error, offset, written)
            return self.snapshot


_READERS: WeakValueDictionary[Path, RunReader] = WeakValueDictionary()
_LOCK = threading.Lock()


def read_run(run: Path, schedule: Schedule) -> RunSnapshot:
    """Return the progress of the run that the session watches; `schedule` is the run's."""
    with _LOCK:
        reader = _READERS.setdefault(run, RunReader(run))
    current().run.reader = reader
    return reader.read(schedule)


def _written(run: Path) -> tuple[tuple[int, ...], int]:
    """Return an identity of the run's folder, not shared by a later one, and its events' bytes.

    Not the inode alone: a file system may give it to the next file.
    """
    try:
        schedule, events = (run / run_folder.SCHEDULE).stat(), (run / event_log.EVENTS).stat()
    except OSError:
        return (), 0
    return (events.st_dev, events.st_ino, schedule.st_mtime_ns), events.st_size
