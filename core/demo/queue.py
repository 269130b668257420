"""One run at a time, and who waits for the next: a ticket per visitor, a file each, in their order.

The tickets and the run folders are the only truth, so every session of a server sees the same
queue, and so does one that was started anew. A ticket's time of change is the last sign of its
holder: one who gives none for a while is passed over, and has the old place again on coming back.
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
from core.files.home import alone_in, data_root
from core.runs import folder as folders
from core.runs.processes import claim

_LOCK = "lock"
_ONE = "one-run.lock"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the queue: so many are `ahead`, of so many who wait in all."""

    ahead: int
    waiting: int


def root() -> Path:
    """Return where the tickets are: `queue` in Thaw's `data_root`; raises what `home` raises."""
    return data_root() / "queue"


def join(queue: Path, visitor: str = "") -> str:
    """Take a ticket, at the end; InputError if too many wait, or nothing can be written there.

    One `visitor` (see `demo.visitor`) takes no more than a share of the places.
    """
    with alone_in(queue, _LOCK):
        present = _present(queue)
        if len(present) >= LIMITS.waiting:
            wrong = f"is full, with {len(present)} waiting"
            raise InputError("queue", wrong, "try again in a few minutes")
        own = sum(_visitor(ticket) == [visitor] for ticket in present)
        if own >= LIMITS.waiting * LIMITS.share:
            wrong = f"has {own} places that were taken from your network address"
            raise InputError("queue", wrong, "try again when one of them has had its turn")
        ticket = f"{time.time_ns():020}-{visitor}-{secrets.token_hex(8)}"
        (queue / ticket).touch()
        return ticket


def leave(queue: Path, ticket: str) -> None:
    """Give a place up."""
    with suppress(OSError):
        (queue / ticket).unlink()


def wait(queue: Path, ticket: str, runs: Path, begin: Callable[[], str]) -> str | Place:
    """Give a sign of life; in turn, what `begin` gives, and the ticket is used up; else the place.

    It is the ticket's turn when nobody present is ahead and none of the folders in `runs` is run.
    What `begin` raises is raised, and the ticket used up as well.
    """
    with alone_in(queue, _LOCK):
        (queue / ticket).touch()
        present = _present(queue)
        ahead = present.index(ticket)
        if ahead or busy(runs):
            return Place(ahead, len(present))
        leave(queue, ticket)
        return begin()


def busy(runs: Path) -> bool:
    """Return whether a living process runs one of these run folders."""
    return any(claim.process(run) is not None for run in folders.list_runs(runs))


@contextmanager
def one_run(runs: Path) -> Iterator[None]:
    """A context in which nobody else starts a run; InputError if one is on already.

    What earlier runs have left that nobody needs is cleared away, so that the disk has room.
    """
    with alone_in(runs, _ONE):
        if busy(runs):
            wrong = "has to wait, since another run is in progress"
            raise InputError("run", wrong, "try again when that has ended")
        ended = folders.list_runs(runs)
        for run in ended:
            limits.clear(run)
        limits.make_room(ended)
        yield


def _present(queue: Path) -> list[str]:
    """The tickets whose holders were here lately, in their order; those of others are removed."""
    found = []
    for file in sorted(queue.iterdir()):
        if file.name == _LOCK:
            continue
        with suppress(OSError):
            if time.time() - file.stat().st_mtime <= LIMITS.away:
                found.append(file.name)
            else:
                file.unlink()
    return found


def _visitor(ticket: str) -> list[str]:
    """Return who holds a ticket; nobody holds a file of another name."""
    return ticket.split("-")[1:2]
