"""The lifelines of a run in several processes: a TCP connection from each of them to the first.

A process that ends, however it does, closes its lifeline. The first then ends the run with an error
that names the process; the others end as soon as the first does. Requests to stop go along it too.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, wait
from typing import Any, Protocol

from core.errors import InputError, RunError, ThawError
from core.runs.processes.torchrun import Place

_CHECK_EVERY = 0.5
"""Seconds between two looks whether the run is over."""
_NEWS_SECONDS = 5.0
"""How long an error waits for the news that a process has ended, which would explain it."""
_KEY = "thaw/lifeline"
_END, _STOP = b"end", b"stop"


class Store(Protocol):
    """A store of values that all processes share from the start, as torch's `Store`."""

    def set(self, key: str, value: str, /) -> None:
        """Store a value for the others."""

    def get(self, key: str, /) -> bytes:
        """Wait for a value, and return it."""


class LifelineServer:
    """The first process's ends of all lifelines.

    In a thread, `stop` is called when another process is asked to stop, and `fail` with the error
    of one that fails or ends.
    """

    def __init__(
        self, place: Place, store: Store, stop: Callable[[], None], fail: Callable[[RunError], None]
    ) -> None:
        self._stop, self._fail = stop, fail
        self._error: ThawError | None = None
        self._news, self._closed = threading.Event(), threading.Event()
        self._processes: dict[Connection, str] = {}
        key = secrets.token_hex(16)
        listener = Listener(("", 0), backlog=place.size, authkey=key.encode())
        store.set(_KEY, json.dumps([listener.address[1], key]))
        watch = threading.Thread(
            target=self._watch, args=(listener, place.size - 1), name="lifelines", daemon=True
        )
        watch.start()

    def check(self) -> None:
        """Raise the error of a process that has failed or ended, if there is one."""
        if self._error is not None:
            raise self._error

    def explain(self) -> None:
        """Raise the error of a process that fails or ends about now, if there is one."""
        self._news.wait(_NEWS_SECONDS)
        self.check()

    def close(self) -> None:
        """Let the other processes end."""
        self._closed.set()
        for line in list(self._processes):
            with suppress(OSError):
                line.send_bytes(_END)

    def _watch(self, listener: Listener, others: int) -> None:
        with listener:
            while len(self._processes) < others:
                with suppress(EOFError, OSError, AuthenticationError):  # it ended, or is a stranger
                    line = listener.accept()
                    _keep_alive(line)
                    self._processes[line] = "a process"
                    self._processes[line] = line.recv_bytes().decode()
        while not self._closed.is_set() and self._error is None:
            for end in wait(list(self._processes), _CHECK_EVERY):
                assert isinstance(end, Connection)
                self._hear(end)
        if not self._closed.is_set() and self._error is not None:
            self._news.set()
            self._fail(RunError(str(self._error)))

    def _hear(self, line: Connection) -> None:
        process = self._processes[line]
        try:
            message = line.recv_bytes()
        except (EOFError, OSError):
            wrong = f"{process} has ended before the run, for a reason that its output may show"
            self._error = RunError(f"{wrong}: resume the run")
            return
        if message == _STOP:
            self._stop()
        else:
            self._error = _error(process, json.loads(message))


class LifelineClient:
    """Another process's end of its lifeline; the process ends at once when the first one does."""

    def __init__(self, place: Place, store: Store) -> None:
        port, key = json.loads(store.get(_KEY))
        self._line = Client((place.address, port), authkey=key.encode())
        self._stopping = False
        self._line.send_bytes(f"process {place.rank} on {socket.gethostname()}".encode())
        _keep_alive(self._line)
        self._thread = threading.Thread(target=self._watch, name="lifeline", daemon=True)
        self._thread.start()

    def tell_stop(self) -> None:
        """Tell the first process that this one is asked to stop."""
        self._stopping = True
        with suppress(OSError):
            self._line.send_bytes(_STOP)

    def tell_error(self, error: ThawError) -> None:
        """Tell the first process the error that ends this one."""
        parts = [error.field, error.wrong, error.way_out] if isinstance(error, InputError) else []
        with suppress(OSError):
            self._line.send_bytes(json.dumps(parts or [str(error)]).encode())

    def wait_for_end(self, seconds: float | None = None) -> None:
        """Wait until the first process ends, and this one with it; at most so many seconds."""
        self._thread.join(seconds)

    def _watch(self) -> None:
        try:
            self._line.recv_bytes()
        except (EOFError, OSError):
            if not self._stopping:
                os.write(2, b"error: process 0 has ended before the run: resume the run\n")
            os._exit(RunError.exit_code)
        os._exit(0)


def _error(process: str, parts: Any) -> ThawError:
    """Return another process's error as one of this process."""
    if len(parts) == 1:
        return RunError(f"in {process}, {parts[0]}")
    field, wrong, way_out = parts
    return InputError(field, f"{wrong} (in {process})", way_out)


def _keep_alive(line: Connection) -> None:
    """Let the system close the connection if the other machine does not answer for 17 s."""
    with socket.socket(fileno=os.dup(line.fileno())) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            for option, value in (
                (socket.TCP_KEEPIDLE, 5),
                (socket.TCP_KEEPINTVL, 3),
                (socket.TCP_KEEPCNT, 4),
            ):
                end.setsockopt(socket.IPPROTO_TCP, option, value)
