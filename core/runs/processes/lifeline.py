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
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge, wait
from typing import Any, Protocol

from core.errors import InputError, RunError, ThawError
from core.runs.processes.torchrun import Place

_CHECK_EVERY = 0.5
"""Seconds between two looks whether the run is over."""
_NEWS_SECONDS = 5.0
"""How long an error waits for the news that a process has ended, which would explain it."""
_CONNECT_SECONDS = 30.0
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
        self._others, self._all_are_here = place.size - 1, threading.Event()
        self._processes: dict[Connection, str] = {}
        self._key = secrets.token_hex(16)
        self._server = _listen(place.size)
        store.set(_KEY, json.dumps([self._server.getsockname()[1], self._key]))
        threading.Thread(target=self._watch, name="lifelines", daemon=True).start()

    def wait_for_all(self) -> None:
        """Wait until all processes have come: one that has not cannot be told that the run ends.

        Ends after a while without one, which then has an error of its own.
        """
        self._all_are_here.wait(_CONNECT_SECONDS)

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

    def _watch(self) -> None:
        with self._server:
            while not self._closed.is_set() and self._error is None:
                for end in wait([self._server, *self._processes], _CHECK_EVERY):
                    if isinstance(end, Connection):
                        self._hear(end)
                    else:
                        line = Connection(self._server.accept()[0].detach())
                        threading.Thread(target=self._greet, args=(line,), daemon=True).start()
        if not self._closed.is_set() and self._error is not None:
            self._news.set()
            self._fail(RunError(str(self._error)))

    def _greet(self, line: Connection) -> None:
        """Take a process in; a stranger, who does not know the key, may also say nothing."""
        with suppress(EOFError, OSError, AuthenticationError):
            deliver_challenge(line, self._key.encode())
            answer_challenge(line, self._key.encode())
            process = line.recv_bytes().decode()
            _keep_alive(line)
            self._processes[line] = process
            if len(self._processes) == self._others:
                self._all_are_here.set()

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
    """Another process's end of its lifeline; the process ends at once when the first one does.

    Raises RunError if the first one cannot be reached.
    """

    def __init__(self, place: Place, store: Store) -> None:
        port, key = json.loads(store.get(_KEY))
        try:
            connected = socket.create_connection((place.address, port), _CONNECT_SECONDS)
            connected.settimeout(None)
            self._line = Connection(connected.detach())
            answer_challenge(self._line, key.encode())
            deliver_challenge(self._line, key.encode())
            self._line.send_bytes(f"process {place.rank} on {socket.gethostname()}".encode())
            _keep_alive(self._line)
        except (EOFError, OSError, AuthenticationError) as error:
            wrong = f"process 0 does not answer at port {port} of {place.address} ({error})"
            raise RunError(f"{wrong}: open the ports between the machines") from error
        self._stopping = False
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


def _listen(processes: int) -> socket.socket:
    """Return a socket at a free port of all of this machine's addresses, of IPv6 too."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", 0), family=socket.AF_INET6, backlog=processes, dualstack_ipv6=True
        )
    return socket.create_server(("", 0), backlog=processes)


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
