"""How a stop reaches a run, and that it is obeyed in two seconds, or with its checkpoint written.

Training asks before every batch whether to stop. Where it does not come to that, as in imports, in
a download, or in a batch that takes long, an exception is raised in it, and then its process is
ended. Nothing is lost by that: a resume goes on from the newest checkpoint in any case, and one
that is being written has 30 s to come to its end.
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

from core.errors import STOPPED, ThawError
from core.runs import checkpoint_files, event_log
from core.runs import folder as folders
from core.runs.events import Stopped
from core.runs.processes import run_lock

_LOOK_EVERY = 0.1
_RAISE_AFTER = 0.8
_END_AFTER = 0.6
"""Seconds: between two looks for a stop; from it to the exception; from that to the end."""
_WRITES_FOR = 30.0
"""Seconds that exception and end wait in all for a checkpoint being written: it holds an epoch."""


@contextmanager
def should_stop(
    folder: Path, done: threading.Event, end: Callable[[], None]
) -> Iterator[Callable[[], bool]]:
    """A context that gives whether the run is asked to stop: by STOP in its folder, or a signal.

    Ctrl-C and SIGTERM ask for a stop after the batch; a second Ctrl-C does not wait. Until `done`,
    what is asked is enforced: by a KeyboardInterrupt, and then by `end`, see `enforce`; both wait
    for a checkpoint, but 30 s in all. In a thread that is not the main one, a stop can only be
    asked for.
    """

    def by_folder() -> bool:
        return run_lock.stop_requested(folder)

    if threading.current_thread() is not threading.main_thread():
        yield by_folder
        return
    signalled: list[int] = []
    overdue = threading.Event()
    latest = 0.0

    def take(number: int, frame: FrameType | None) -> None:
        again = number in signalled and number == signal.SIGINT
        if (again or overdue.is_set()) and not done.is_set():
            raise KeyboardInterrupt
        signalled.append(number)

    def asked() -> bool:
        return bool(signalled) or by_folder()

    def interrupt() -> None:
        nonlocal latest
        latest = time.monotonic() + _WRITES_FOR
        wait_for_checkpoint(folder, done, latest)
        if done.is_set():
            return
        overdue.set()
        _signal_main_thread()

    def end_late() -> None:
        wait_for_checkpoint(folder, done, latest)
        end()

    before = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
    watch = threading.Thread(
        target=enforce, args=(asked, done, end_late, interrupt), name="stop", daemon=True
    )
    watch.start()
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def enforce(
    asked: Callable[[], bool],
    done: threading.Event,
    end: Callable[[], None],
    interrupt: Callable[[], None] | None = None,
) -> None:
    """Wait for a stop or for `done`; unless it is done soon after, `interrupt`, and then `end`."""
    while not asked():
        if done.wait(_LOOK_EVERY):
            return
    if not done.wait(_RAISE_AFTER) and interrupt is not None:
        interrupt()
    if not done.wait(_END_AFTER):
        end()


def end_process(folder: Path) -> None:
    """Write that this process's run was stopped, and end the process, whatever it does."""
    with suppress(ThawError):
        write_stopped(folder)
    with suppress(OSError):
        run_lock.release(folder)
    os._exit(STOPPED)


def write_stopped(folder: Path) -> None:
    """Write that the run was stopped and goes on from its newest checkpoint.

    RunError if the disk refuses the event, or its summary.
    """
    event_log.append_last(folder, Stopped(epochs_kept(folder)))
    folders.write_summary(folder, folders.summarise(folder, folders.read(folder)[0]))


def epochs_kept(folder: Path) -> int:
    """The first epoch that a resume will run, as far as the newest checkpoint's name tells."""
    stored = checkpoint_files.stored(folder / folders.CHECKPOINTS)
    return checkpoint_files.epoch(stored[0]) if stored else 0


def wait_for_checkpoint(folder: Path, done: threading.Event, latest: float) -> None:
    """Let a checkpoint come to its end that this process is writing, until `latest` or `done`.

    `latest` is in monotonic seconds.
    """
    ours = f".{os.getpid()}"
    while time.monotonic() < latest:
        unfinished = checkpoint_files.unfinished(folder / folders.CHECKPOINTS)
        if not any(path.suffix == ours for path in unfinished):
            return
        if done.wait(_LOOK_EVERY):
            return


def _signal_main_thread() -> None:
    """Let the main thread handle SIGINT, also where it waits for the system."""
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        interrupt_main()
    else:
        signal.pthread_kill(main, signal.SIGINT)
