"""One sitting of a run in a claimed folder: events stored and shown, and an end in any case."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType

from core.design.spec import Schedule
from core.errors import RunError, ThawError
from core.runs import claim, event_log
from core.runs import events as ev
from core.runs import folder as folders
from core.runs.console import Console


class Sitting:
    """A context that writes events into the run folder and shows them.

    However it is left, the folder has a last event and a summary, and is free for a resume. An
    error that nobody foresaw leaves as a RunError, and its traceback in the folder's log.
    """

    def __init__(self, folder: Path, schedule: Schedule) -> None:
        self._folder = folder
        self._schedule = schedule
        self._console = Console(schedule)
        self._epoch = 0

    def __enter__(self) -> Sitting:
        return self

    def take(self, event: ev.Event) -> None:
        """Store an event, then show it."""
        if isinstance(event, ev.Started):
            self._epoch = event.resumed_at
        elif isinstance(event, ev.EpochDone):
            self._epoch = event.epoch + 1
        if self._console.show(event) or not isinstance(event, ev.Progress):
            event_log.append(self._folder, event)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        unforeseen: RunError | None = None
        self._console.close()
        if isinstance(error, KeyboardInterrupt):
            event_log.append(self._folder, ev.Stopped(self._epoch))
        elif isinstance(error, ThawError):
            event_log.append(self._folder, ev.Failed(str(error)))
        elif isinstance(error, Exception):
            unforeseen = self._unforeseen(error)
            event_log.append(self._folder, ev.Failed(str(unforeseen)))
        summary = folders.write_summary(self._folder, self._schedule)
        claim.release(self._folder)
        self._console.end(summary)
        if unforeseen is not None:
            raise unforeseen from error

    def _unforeseen(self, error: Exception) -> RunError:
        """The error in a line, its traceback put where that line says."""
        log = self._folder / folders.LOG
        with suppress(OSError), log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
        first = next(iter(str(error).splitlines()), "")
        what = f"{type(error).__name__}: {first}" if first else type(error).__name__
        return RunError(f"an error in Thaw itself, {what}; the details are in {log}")


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM ask for a stop after the batch; a second Ctrl-C does not wait."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if number in asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
