"""A prewarmed worker: it imports what a run needs before there is a run, which so begins sooner.

It is started with pipes and speaks two lines. It says its device, makes its imports, waits for
the path of a run folder, says that it has taken it, and then needs its launcher no more. The end of
the first pipe without a path is its own end, in its imports too, so none outlives its launcher; a
stop is obeyed there too.
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

import psutil

from core.errors import STOPPED, RunError
from core.runs import folder as folders
from core.runs.processes import run_lock
from core.runs.processes.exit_with_parent import read_line
from core.runs.processes.stopping import end_process, enforce

_TAKEN = b"taken"
_UNUSED_SECONDS = 75.0
"""How long a worker is kept when nobody asks for one: it holds some 750 MB.

A page asks every 20 s, but browsers let a hidden one do so only once a minute.
"""
_BY_HAND = {STOPPED, -signal.SIGINT, -signal.SIGTERM, -getattr(signal, "SIGKILL", 9)}
"""Return codes of a process that someone wanted gone; Windows has none like the negative ones."""


def wait_for_folder(
    find_device: Callable[[], Mapping[str, str]], make_imports: Callable[[], object]
) -> Path:
    """Make a worker's imports, and return the run folder that it gets.

    Where its launcher lets it go, or is gone, the process ends. Afterwards standard output and
    error are the folder's log, with all that was printed on the way, and standard input is empty:
    as in a process that was started for the folder. Raises OSError if that log cannot be written,
    before the folder is taken.
    """
    launcher = os.dup(1)
    os.dup2(2, 1)  # so that nothing an import prints gets between the lines
    order: Future[Path] = Future()
    begun = threading.Event()
    threading.Thread(target=_await_order, args=(order, begun), name="order", daemon=True).start()
    _tell(launcher, json.dumps(dict(find_device())).encode())
    make_imports()
    folder = order.result()
    begun.set()
    _redirect(folder / folders.LOG)
    _tell(launcher, _TAKEN)
    os.close(launcher)
    return folder


class PrewarmedWorker:
    """One such process, from its start to its end, whether it gets a folder or not.

    Raises OSError if it cannot be started. `lost` is called, in a thread, with the folder of one
    that came to its end before it had taken it, unless someone killed it or stopped the run.
    """

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        lost: Callable[[Path], None],
    ) -> None:
        self.environment = dict(environment)
        self.device: Future[Mapping[str, str]] = Future()
        self._lost = lost
        self._lock = threading.Lock()  # of the next two: a folder is given, or the end has come
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
        """Whether it lives and has no folder yet; its imports may still be on their way."""
        return not self._ended and self._folder is None and self.process.poll() is None

    def assign(self, folder: Path) -> bool:
        """Hand a folder over that is taken; return False if the worker has ended already."""
        with self._lock:
            if not self.usable:
                return False
            try:
                run_lock.hand_over(folder, self.process.pid)
            except (psutil.NoSuchProcess, OSError):
                return False
            self._folder = folder
            # where it has just died, the listening thread sees it and has the folder
            self._close_input(json.dumps(str(folder.absolute())).encode() + b"\n")
            return True

    def end_unused(self) -> None:
        """End it, unless it has a folder."""
        with self._lock:
            if self._folder is None and not self._ended:
                self._close_input()
                self.process.kill()  # it may be in its imports

    def join(self) -> None:
        """Wait for its end, and for what follows from it."""
        self._listener.join()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as told:
            first = told.readline()
            device = _device(first)
            babbles = device is None and first != b""
            if device is not None:
                self.device.set_result(device)
            else:
                self.device.set_exception(RunError("the prewarmed worker did not tell its device"))
            if babbles:
                self.process.kill()
            taken = device is not None and told.readline().rstrip() == _TAKEN
        code = self.process.wait()  # else it would stay a zombie as long as its launcher lives
        with self._lock:
            self._ended = True
            folder = self._folder
            if folder is None:
                self._close_input()
        unwanted = code in _BY_HAND and not babbles
        if folder and not taken and not unwanted and not run_lock.stop_requested(folder):
            self._lost(folder)

    def _close_input(self, last: bytes = b"") -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            if last:
                self.process.stdin.write(last)
        with suppress(OSError):
            self.process.stdin.close()


class WorkerSlot:
    """At most one worker, whoever asks at once; and none beside a run of the same launcher."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: PrewarmedWorker | None = None
        self._timer: threading.Timer | None = None
        self._runs: list[Path] = []

    def ensure(self, make: Callable[[], PrewarmedWorker]) -> None:
        """See that there is a worker, and keep it for another while.

        One that came to its end is not replaced before a run was started: it would end again.
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
        """Return the worker, if there is one; the slot has none any more."""
        with self._lock:
            worker, self._worker = self._worker, None
            if self._timer is not None:
                self._timer.cancel()
            return worker

    def add_run(self, run: Path) -> None:
        """Note the folder of a run: while a process runs it, no worker is started."""
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


def _await_order(order: Future[Path], begun: threading.Event) -> None:
    """Take the order while imports are made; end the process where none comes, or it is stopped."""
    line = read_line()
    if line is None:
        os._exit(0)
    folder = Path(json.loads(line))
    order.set_result(folder)
    enforce(lambda: run_lock.stop_requested(folder), begun, lambda: end_process(folder))


def _tell(launcher: int, line: bytes) -> None:
    """Tell the launcher; if that is gone, nobody needs to know."""
    with suppress(OSError):
        os.write(launcher, line + b"\n")


def _redirect(log: Path) -> None:
    """Let standard output and error go to the end of the log, and what they held before it."""
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


def _device(line: bytes) -> Mapping[str, str] | None:
    """Return what the first line of a worker tells, or None if it is not what was agreed."""
    try:
        told = json.loads(line)
        return {"type": str(told["type"]), "name": str(told["name"])}
    except (ValueError, TypeError, KeyError):
        return None
