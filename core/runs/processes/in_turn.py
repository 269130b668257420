"""Runs that wait for their turn: each starts when no other run is in progress."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.demo import queue
from core.errors import ThawError
from core.runs.processes import launch
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule

_LOOK_SECONDS = 1.0
"""Seconds between two looks whether the run before has ended."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that has not started: its schedule, its settings, and the folder of all runs."""

    schedule: Schedule
    settings: RunSettings
    root: Path


class RunsInTurn:
    """The waiting runs of this process; they are forgotten when it ends.

    If one cannot be started, all others are dropped, and `refusal` says why.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._waiting: list[Waiting] = []
        self._starter: threading.Thread | None = None
        self.refusal: str | None = None

    @property
    def waiting(self) -> tuple[Waiting, ...]:
        """The runs that wait, the next one first."""
        return tuple(self._waiting)

    def add(self, runs: Iterable[Waiting]) -> None:
        """Let runs wait; one that waits already is not added again."""
        with self._lock:
            self.refusal = None
            self._waiting += [run for run in dict.fromkeys(runs) if run not in self._waiting]
            if self._starter is None:
                self._starter = threading.Thread(
                    target=self._start_all, name="runs in turn", daemon=True
                )
                self._starter.start()

    def cancel(self) -> None:
        """Drop all runs that wait."""
        with self._lock:
            self._waiting.clear()
        self._changed.set()

    def join(self) -> None:
        """Wait until no run waits."""
        starter = self._starter
        if starter is not None:
            starter.join()

    def _start_all(self) -> None:
        while (first := self._next()) is not None:
            if queue.busy(first.root):
                self._changed.wait(_LOOK_SECONDS)
                self._changed.clear()
            else:
                self._start(first)

    def _next(self) -> Waiting | None:
        """Return the run whose turn it is; the thread ends where there is none."""
        with self._lock:
            if not self._waiting:
                self._starter = None
            return next(iter(self._waiting), None)

    def _start(self, run: Waiting) -> None:
        """Start a run, unless it was cancelled by now."""
        with self._lock:
            if run not in self._waiting:
                return
            try:
                launch.start(run.schedule, run.settings, run.root)
                self._waiting.remove(run)
            except ThawError as error:
                self.refusal = str(error)
                self._waiting.clear()
