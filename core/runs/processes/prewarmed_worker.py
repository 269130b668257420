"""A prewarmed worker: a process that imports what a run needs before there is a run.

It talks with its launcher through pipes. It writes its device, makes its imports, reads the path of
a run folder, writes that it has taken it, and is then independent. If its input ends before that,
it exits at once, so no unused worker outlives its launcher. A requested stop ends its imports too.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from core.errors import STOPPED, RunError
from core.runs import run_folder
from core.runs.processes import run_lock
from core.runs.processes.exit_with_parent import read_line
from core.runs.processes.stopping import end_process, enforce

_TAKEN = b"taken"
_UNUSED_SECONDS = 75.0
"""Seconds after which a worker is ended if nobody asks for one, since it holds some 750 MB.

A page asks every 20 s, but browsers let a hidden page do so only once a minute.
"""
_ENDED_ON_PURPOSE = {STOPPED, -signal.SIGINT, -signal.SIGTERM, -getattr(signal, "SIGKILL", 9)}
"""Return codes of a process that was stopped or killed; Windows has no negative ones."""


def wait_for_folder(
    find_device: Callable[[], Mapping[str, Any]], make_imports: Callable[[], object]
) -> Path:
    """Make a worker's imports, and return the run folder that its launcher assigns.

    The process exits if the launcher ends, or ends this worker. Afterwards standard output and
    error are the folder's log, with all that was printed before, and standard input is empty, as in
    a process that was started for the folder. Raises OSError if that log cannot be written; the
    folder is then not taken.
    """
    launcher = os.dup(1)
    os.dup2(2, 1)  # so that nothing an import prints gets into the pipe
    assigned: Future[Path] = Future()
    begun = threading.Event()
    threading.Thread(
        target=_await_folder, args=(assigned, begun), name="folder", daemon=True
    ).start()
    _write_line(launcher, json.dumps(dict(find_device())).encode())
    make_imports()
    folder = assigned.result()
    begun.set()
    _redirect(folder / run_folder.LOG)
    _write_line(launcher, _TAKEN)
    os.close(launcher)
    return folder


class PrewarmedWorker:
    """A prewarmed worker as its launcher sees it, from its start to its end.

    Raises OSError if it cannot be started. If the worker ends after a folder was assigned and
    before it has taken it, a thread calls `lost(folder)`, unless someone has killed the worker or
    stopped the run.
    """

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        lost: Callable[[Path], None],
    ) -> None:
        self.environment = dict(environment)
        self.device: Future[Mapping[str, Any]] = Future()
        self._lost = lost
        self._lock = (
            threading.Lock()
        )  # of the next two: a folder is assigned, or the worker has ended
        self._folder: Path | None = None
        self._ended = False
        with tempfile.TemporaryFile() as printed:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=printed,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        self._listener = threading.Thread(target=self._listen, name="prewarmed worker", daemon=True)
        self._listener.start()

    @property
    def usable(self) -> bool:
        """Whether it lives and has no folder yet; its imports may still be in progress."""
        return not self._ended and self._folder is None and self.process.poll() is None

    def assign(self, folder: Path) -> bool:
        """Hand over a folder that this process has locked; return False if the worker has ended."""
        with self._lock:
            if not self.usable:
                return False
            try:
                run_lock.hand_over(folder, self.process.pid)
            except (psutil.NoSuchProcess, OSError):
                return False
            self._folder = folder
            # if it has just died, the listening thread knows its folder
            self._close_input(json.dumps(str(folder.absolute())).encode() + b"\n")
            return True

    def end_unused(self) -> None:
        """End the worker, unless it has a folder."""
        with self._lock:
            if self._folder is None and not self._ended:
                self._close_input()
                self.process.kill()  # it may be in its imports

    def join(self) -> None:
        """Wait for the end of the worker, and of a call of `lost`."""
        self._listener.join()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            first = output.readline()
            device = _device(first)
            is_invalid = device is None and first != b""
            if device is not None:
                self.device.set_result(device)
            else:
                self.device.set_exception(RunError("the prewarmed worker did not name its device"))
            if is_invalid:
                self.process.kill()
            taken = device is not None and output.readline().rstrip() == _TAKEN
        code = self.process.wait()  # else it would stay a zombie as long as its launcher lives
        with self._lock:
            self._ended = True
            folder = self._folder
            if folder is None:
                self._close_input()
        on_purpose = code in _ENDED_ON_PURPOSE and not is_invalid
        if folder and not taken and not on_purpose and not run_lock.stop_requested(folder):
            self._lost(folder)

    def _close_input(self, last: bytes = b"") -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            if last:
                self.process.stdin.write(last)
        with suppress(OSError):
            self.process.stdin.close()


class WorkerSlot:
    """A place for one worker, which is empty while a run of this process is in progress."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: PrewarmedWorker | None = None
        self._timer: threading.Timer | None = None
        self._runs: list[Path] = []

    def ensure(self, make: Callable[[], PrewarmedWorker]) -> None:
        """Call `make` if there is no worker, and start the time for unused ones again.

        A worker that has ended is only replaced after the next run, since it would end again.
        """
        with self._lock:
            self._runs = [run for run in self._runs if run_lock.is_alive(run)]
            if self._runs:
                return
            if self._worker is None:
                with suppress(OSError):  # then a run is started without one
                    self._worker = make()
            self._restart_timer()

    def peek(self) -> PrewarmedWorker | None:
        """Return the worker, if there is one."""
        return self._worker

    def take(self) -> PrewarmedWorker | None:
        """Return the worker, if there is one, and remove it from the slot."""
        with self._lock:
            worker, self._worker = self._worker, None
            if self._timer is not None:
                self._timer.cancel()
            return worker

    def add_run(self, run: Path) -> None:
        """Add a run's folder: while a process runs it, no worker is started."""
        with self._lock:
            self._runs.append(run)

    def end_worker(self) -> None:
        """End the worker, if there is one."""
        worker = self.take()
        if worker is not None:
            worker.end_unused()

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(_UNUSED_SECONDS, self.end_worker)
        self._timer.daemon = True
        self._timer.start()


def _await_folder(assigned: Future[Path], begun: threading.Event) -> None:
    """Read the folder while imports are made; exit if none comes, or if its run is to stop."""
    line = read_line()
    if line is None:
        os._exit(0)
    folder = Path(json.loads(line))
    assigned.set_result(folder)
    enforce(lambda: run_lock.stop_requested(folder), begun, lambda: end_process(folder))


def _write_line(launcher: int, line: bytes) -> None:
    """Write a line to the launcher, if that still exists."""
    with suppress(OSError):
        os.write(launcher, line + b"\n")


def _redirect(log: Path) -> None:
    """Append what was printed to the log, and redirect standard output and error to it."""
    sys.stdout.flush()
    sys.stderr.flush()
    with log.open("ab", buffering=0) as end:
        with suppress(OSError), os.fdopen(os.dup(2), "rb") as printed:
            printed.seek(0)
            end.write(printed.read())
        os.dup2(end.fileno(), 1)
        os.dup2(end.fileno(), 2)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)


def _device(line: bytes) -> Mapping[str, Any] | None:
    """Return the device in the first line of a worker, or None if that is invalid."""
    try:
        content = json.loads(line)
        kind, name, count = (content[key] for key in ("type", "name", "count"))
        return {"type": str(kind), "name": str(name), "count": int(count)}
    except (ValueError, TypeError, KeyError):
        return None
