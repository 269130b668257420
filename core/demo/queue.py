"""The queue of the hosted demo: one run at a time, and a ticket for each visitor who waits.

Tickets are files, sorted by name. They and the run folders are the only truth, so all sessions see
the same queue, also after a restart of the server. A page renews the time of change of its ticket.
A ticket that is not renewed for a while is removed, until its page comes back.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.demo import limits
from core.demo.limits import LIMITS
from core.errors import InputError
from core.files.home import data_root, locked
from core.runs import run_folder
from core.runs.processes import run_lock

_LOCK = "lock"
_ONE = "one-run.lock"


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """A place in the queue: how many are `ahead` of it, and how many wait in all."""

    ahead: int
    waiting: int


def queue_folder() -> Path:
    """Return the folder of the tickets: `queue` in Thaw's `data_root`."""
    return data_root() / "queue"


def join(queue: Path, visitor: str = "") -> str:
    """Add a ticket to the end of the queue, and return its name.

    One `visitor` (see `limits.visitor_name`) gets no more than a share of the places. Raises
    InputError if too many wait, or if the ticket cannot be written.
    """
    with locked(queue, _LOCK):
        present = _present(queue)
        if len(present) >= LIMITS.waiting:
            wrong = f"is full, with {len(present)} waiting"
            raise InputError("queue", wrong, "try again in a few minutes")
        taken = sum(_visitor(ticket) == [visitor] for ticket in present)
        if taken >= LIMITS.waiting * LIMITS.share:
            wrong = f"has {taken} places that were taken from your network address"
            raise InputError("queue", wrong, "try again when one of them has had its turn")
        ticket = f"{time.time_ns():020}-{visitor}-{secrets.token_hex(8)}"
        (queue / ticket).touch()
        return ticket


def leave(queue: Path, ticket: str) -> None:
    """Remove a ticket from the queue."""
    with suppress(OSError):
        (queue / ticket).unlink()


def wait(queue: Path, ticket: str, runs: Path, begin: Callable[[], str]) -> str | QueuePlace:
    """Renew the ticket, and return its place, or in its turn the result of `begin`.

    It is the ticket's turn when nobody is ahead and no run in the folder `runs` is in progress. The
    ticket is then removed, and `begin` called.
    """
    with locked(queue, _LOCK):
        (queue / ticket).touch()
        present = _present(queue)
        ahead = present.index(ticket)
        if ahead or busy(runs):
            return QueuePlace(ahead, len(present))
        leave(queue, ticket)
        return begin()


def busy(runs: Path) -> bool:
    """Return whether a run in this folder is in progress."""
    return any(run_lock.is_alive(run) for run in run_folder.list_runs(runs))


@contextmanager
def one_run(runs: Path) -> Iterator[None]:
    """Prevent others from starting a run within the context; InputError if one is in progress.

    To make room, it deletes the checkpoints of ended runs, and the oldest of those runs.
    """
    with locked(runs, _ONE):
        if busy(runs):
            wrong = "has to wait, since another run is in progress"
            raise InputError("run", wrong, "try again when that has ended")
        ended = run_folder.list_runs(runs)
        for run in ended:
            limits.delete_checkpoints(run)
        limits.delete_oldest_runs(ended)
        yield


def _present(queue: Path) -> list[str]:
    """Return the tickets that were renewed recently, in order; remove all others."""
    tickets = []
    for file in sorted(queue.iterdir()):
        if file.name == _LOCK:
            continue
        with suppress(OSError):
            if time.time() - file.stat().st_mtime <= LIMITS.ticket_timeout_seconds:
                tickets.append(file.name)
            else:
                file.unlink()
    return tickets


def _visitor(ticket: str) -> list[str]:
    """Return the visitor of a ticket in a list, which is empty for other files."""
    return ticket.split("-")[1:2]
