"""A session of a run in its process: it stores and shows the events, and always writes an end."""

from __future__ import annotations

import os
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from core.errors import STOPPED, RunError, ThawError
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.console import Console
from core.runs.processes import run_lock, stopping
from core.runs.status import Summary, is_end
from core.schedule.spec import Schedule

_FAIL_SECONDS = 2.0
"""Seconds in which a process may notice by itself that another one of its run has ended."""


class RunSession:
    """A context in which events are written into the run folder, and shown.

    At its exit, which sets `done`, it writes the last event and the summary, and releases the
    folder. It turns an unforeseen error into a RunError, with the traceback in the folder's log.

    If the folder is gone, or another process runs it, it writes nothing more and raises RunError.
    """

    def __init__(self, folder: Path, schedule: Schedule) -> None:
        self._folder = folder
        self._schedule = schedule
        self._console = Console(schedule)
        self._writing = threading.RLock()  # so that nothing follows the last event
        self._ended = False
        self._failure: RunError | None = None
        self._summary: Summary | None = None
        self.done = threading.Event()

    def __enter__(self) -> RunSession:
        return self

    def record(self, event: ev.Event) -> None:
        """Store an event, then show it; RunError if the folder is no longer this process's."""
        self._check_folder()
        if isinstance(event, ev.Finished):  # first, since nothing is repaired after that event
            event_log.release_space(self._folder)
            self._summary = run_folder.run_summary(self._folder, self._schedule, (event,))
            run_folder.write_summary(self._folder, self._summary)
        if self._console.show(event) or not isinstance(event, ev.Progress):
            with self._writing:
                self._ended = is_end((event,))
                event_log.append(self._folder, event)

    def record_notice(self, event: ev.Notice) -> None:
        """Store a notice, unless the run has written its end; other threads may call this."""
        with self._writing:
            if not self._ended and not self.done.is_set() and run_lock.is_own(self._folder):
                event_log.append(self._folder, event)

    def end_process(self, failure: RunError | None = None) -> None:
        """End this process as stopped, or as failed, unless the run has written its end.

        Other threads may call this.
        """
        failure = failure or self._failure  # torchrun ends all processes if one fails
        with self._writing:
            if not self._ended and not self.done.is_set():
                if not run_lock.is_own(self._folder):
                    os._exit(STOPPED if failure is None else failure.exit_code)
                stopping.end_process(self._folder, failure)

    def fail_soon(self, failure: RunError) -> None:
        """End this process as failed, unless it ends by itself first; for other threads."""
        self._failure = failure
        if not self.done.wait(_FAIL_SECONDS):
            self.end_process()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self.done.set()
        with self._writing:
            self._console.close()
            self._check_folder(error)
            unforeseen = self._unforeseen(error)
            end = self._end(unforeseen or error)
            if end is not None:
                with suppress(RunError):  # else that error would hide this one
                    event_log.append_last(self._folder, end)
            summary = self._summary if end is None else None
            if summary is None:
                summary = run_folder.run_summary(self._folder, self._schedule)
                with suppress(RunError):  # the events hold all of it
                    run_folder.write_summary(self._folder, summary)
            run_lock.release(self._folder)
        self._console.show_end(summary)
        if unforeseen is not None:
            raise unforeseen from error

    def _check_folder(self, cause: BaseException | None = None) -> None:
        if not run_lock.is_own(self._folder):
            raise RunError(
                f"{self._folder} was deleted or renamed while its run went on, or another run has "
                "taken its place, so the run has stopped: resume it where its folder is now, or "
                "start it again"
            ) from cause

    def _end(self, error: BaseException | None) -> ev.Event | None:
        """Return the last event to write for an error; None if training has written its end."""
        if isinstance(error, KeyboardInterrupt):
            if is_end(event_log.last(self._folder)):  # it came too late
                return None
            return ev.Stopped(stopping.epochs_kept(self._folder))
        return ev.Failed(str(error)) if isinstance(error, ThawError) else None

    def _unforeseen(self, error: BaseException | None) -> RunError | None:
        """Log the traceback of an unforeseen error, and return a RunError that names the log."""
        if not isinstance(error, Exception) or isinstance(error, ThawError):
            return None
        log = self._folder / run_folder.LOG
        with suppress(OSError), log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
        first = next(iter(str(error).splitlines()), "")
        what = f"{type(error).__name__}: {first}" if first else type(error).__name__
        return RunError(f"an error in Thaw itself, {what}; the details are in {log}")
