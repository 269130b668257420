"""Stops of a run, which take effect within two seconds, or once its checkpoint is written.

Training checks before every batch whether to stop. If it does not get there, as in imports, a
download or a long batch, an exception is raised in it, and then its process is ended. Nothing is
lost by that: a resume goes on from the newest checkpoint in any case, and one that is being written
has 30 s to be finished.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from core.errors import STOPPED, RunError, ThawError
from core.runs import checkpoint_files, event_log, run_folder
from core.runs.events import Failed, Stopped
from core.runs.processes import run_lock

_CHECK_EVERY = 0.1
"""Seconds between two checks for a request to stop."""
_RAISE_AFTER = 0.8
"""Seconds from the request to the exception."""
_END_AFTER = 0.6
"""Seconds from the exception to the end of the process."""
_CHECKPOINT_SECONDS = 30.0
"""Seconds that both wait in all for a checkpoint that is being written, since it saves an epoch."""


@contextmanager
def watch_for_stop(
    folder: Path, done: threading.Event, end: Callable[[], None]
) -> Iterator[Callable[[], bool]]:
    """Give a function that returns whether the run is requested to stop, by its folder or a signal.

    Ctrl-C and SIGTERM request a stop after the batch; a second Ctrl-C does not wait for that. Until
    `done`, requests are enforced by a KeyboardInterrupt and then by `end`, see `enforce`; both wait
    for a checkpoint, 30 s in all. In a thread other than the main one, requests come by the folder
    alone and are not enforced.
    """

    def by_folder() -> bool:
        return run_lock.stop_requested(folder)

    if threading.current_thread() is not threading.main_thread():
        yield by_folder
        return
    signalled: list[int] = []
    overdue = threading.Event()
    latest = 0.0

    def handle(number: int, frame: FrameType | None) -> None:
        again = number in signalled and number == signal.SIGINT
        if (again or overdue.is_set()) and not done.is_set():
            raise KeyboardInterrupt
        signalled.append(number)

    def is_requested() -> bool:
        return bool(signalled) or by_folder()

    def interrupt() -> None:
        nonlocal latest
        latest = time.monotonic() + _CHECKPOINT_SECONDS
        wait_for_checkpoint(folder, done, latest)
        if done.is_set():
            return
        overdue.set()
        _signal_main_thread()

    def end_late() -> None:
        wait_for_checkpoint(folder, done, latest)
        end()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    watch = threading.Thread(
        target=enforce, args=(is_requested, done, end_late, interrupt), name="stop", daemon=True
    )
    watch.start()
    try:
        yield is_requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def enforce(
    is_requested: Callable[[], bool],
    done: threading.Event,
    end: Callable[[], None],
    interrupt: Callable[[], None] | None = None,
) -> None:
    """Wait for a request to stop; then, unless `done` is set soon, `interrupt` and then `end`."""
    while not is_requested():
        if done.wait(_CHECK_EVERY):
            return
    if not done.wait(_RAISE_AFTER) and interrupt is not None:
        interrupt()
    if not done.wait(_END_AFTER):
        end()


def end_process(folder: Path, failure: RunError | None = None) -> NoReturn:
    """Write that this process's run was stopped, or has failed, and end the process at once."""
    with suppress(ThawError):
        write_end(folder, failure)
    with suppress(OSError):
        run_lock.release(folder)
    if failure is None:
        os._exit(STOPPED)
    with suppress(OSError):
        os.write(2, f"error: {failure}\n".encode())
    os._exit(failure.exit_code)


def write_end(folder: Path, failure: RunError | None = None) -> None:
    """Write the event and the summary of a run that was stopped, or that has failed.

    Raises RunError if the disk refuses one of them.
    """
    end = Stopped(epochs_kept(folder)) if failure is None else Failed(str(failure))
    event_log.append_last(folder, end)
    run_folder.write_summary(folder, run_folder.run_summary(folder, run_folder.read(folder)[0]))


def epochs_kept(folder: Path) -> int:
    """Return the first epoch that a resume would run, by the name of the newest checkpoint."""
    stored = checkpoint_files.stored(folder / run_folder.CHECKPOINTS)
    return checkpoint_files.epoch(stored[0]) if stored else 0


def wait_for_checkpoint(folder: Path, done: threading.Event, latest: float) -> None:
    """Wait while this process writes a checkpoint, but not after `done`, nor after `latest`.

    `latest` is in seconds of `time.monotonic`.
    """
    ours = f".{os.getpid()}"
    while time.monotonic() < latest:
        unfinished = checkpoint_files.unfinished(folder / run_folder.CHECKPOINTS)
        if not any(path.suffix == ours for path in unfinished):
            return
        if done.wait(_CHECK_EVERY):
            return


def _signal_main_thread() -> None:
    """Let the main thread handle SIGINT, even while it waits in a system call."""
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        interrupt_main()
    else:
        signal.pthread_kill(main, signal.SIGINT)
