"""Runs that wait for their turn: each starts when no other run is in progress."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from core.demo import queue
from core.errors import ThawError
from core.runs import estimate
from core.runs.estimate import Estimate
from core.runs.processes import launch, run_lock
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule

_LOOK_SECONDS = 1.0
"""Seconds between two looks whether the run before has ended."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run that is to start: its schedule, settings and estimate, and the folder of all runs."""

    schedule: Schedule
    settings: RunSettings
    root: Path
    estimate: Estimate | None = field(default=None, compare=False)


class RunsInTurn:
    """The runs of this process that wait, and the one it has begun; it forgets them when it ends.

    If one cannot be started, all others are dropped, and `refusal` says why.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._waiting: list[QueuedRun] = []
        self._begun_in: Path | None = None
        self._starter: threading.Thread | None = None
        self.begun: QueuedRun | None = None
        self.refusal: str | None = None

    @property
    def waiting(self) -> tuple[QueuedRun, ...]:
        """The runs that wait, the next one first."""
        return tuple(self._waiting)

    def holds(self, run: QueuedRun) -> bool:
        """Return whether a run waits, or has begun and is in progress."""
        return run == self.begun or run in self._waiting

    def add(self, runs: Iterable[QueuedRun]) -> None:
        """Let runs wait, but for those that it `holds` already."""
        with self._lock:
            self.refusal = None
            self._waiting += [run for run in dict.fromkeys(runs) if not self.holds(run)]
            if self._starter is None:
                self._starter = threading.Thread(
                    target=self._start_all, name="runs in turn", daemon=True
                )
                self._starter.start()

    def cancel(self) -> None:
        """Drop all runs that wait, and the refusal."""
        with self._lock:
            self.refusal = None
            self._waiting.clear()
        self._changed.set()

    def join(self) -> None:
        """Wait until no run waits or is in progress."""
        starter = self._starter
        if starter is not None:
            starter.join()

    def _start_all(self) -> None:
        while (first := self._first()) is not None:
            if first is self.begun or queue.busy(first.root):
                self._changed.wait(_LOOK_SECONDS)
                self._changed.clear()
            else:
                self._start(first)

    def _first(self) -> QueuedRun | None:
        """Return the run in progress, or that whose turn it is; without any, the thread ends."""
        with self._lock:
            if self._begun_in is not None and not run_lock.is_alive(self._begun_in):
                self.begun = self._begun_in = None
            first = self.begun or next(iter(self._waiting), None)
            if first is None:
                self._starter = None
            return first

    def _start(self, run: QueuedRun) -> None:
        """Start a run, unless it was cancelled by now."""
        with self._lock:
            if run not in self._waiting:
                return
            try:
                self._begun_in = run.root / launch.start(run.schedule, run.settings, run.root)
            except ThawError as error:
                self.refusal = str(error)
                self._waiting.clear()
                return
            self.begun = run
            self._waiting.remove(run)
            estimate.write(self._begun_in, run.estimate)
