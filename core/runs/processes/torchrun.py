"""A run in several processes: what torchrun tells each of them by environment variables."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from core.errors import InputError, RunError, quoted

_START = "start it with torchrun, as in: torchrun --nproc-per-node 2 -m core run FILE --out DIR"
_CHECK_EVERY = 0.5
"""Seconds between two looks whether torchrun still lives."""
_NEEDED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT")


@dataclass(frozen=True, slots=True)
class Place:
    """The place of this process among those of a run; `local_rank` is that on its machine."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    address: str


def place() -> Place | None:
    """Return the place of this process; None for a run of one process without torchrun.

    Raises InputError, naming the variable, for one that is missing or wrong.
    """
    if os.environ.get("WORLD_SIZE", "") in ("", "1") and "RANK" not in os.environ:
        return None
    rank, size, local_rank, local_size, port = (_number(name) for name in _NEEDED)
    if not (0 <= local_rank < local_size and local_rank <= rank < size):
        wrong = f"is {rank}, with WORLD_SIZE {size}, LOCAL_RANK {local_rank} of {local_size}"
        raise InputError("RANK", wrong, _START)
    if not 0 < port < 2**16:
        raise InputError("MASTER_PORT", f"is {port}, which is not from 1 to 65535", _START)
    address = os.environ.get("MASTER_ADDR", "")
    if not address:
        raise InputError("MASTER_ADDR", "is missing", _START)
    return Place(rank, size, local_rank, local_size, address)


def watch_launcher(end: Callable[[RunError], None]) -> None:
    """Call `end` in a thread, with an error for this process, once torchrun has ended."""
    number, launcher = os.getppid(), psutil.Process().parent()

    def watch() -> None:
        # on Windows a process keeps its parent's number
        while os.getppid() == number and (launcher is None or launcher.is_running()):
            time.sleep(_CHECK_EVERY)
        end(RunError("torchrun has ended before the run: resume the run"))

    threading.Thread(target=watch, name="torchrun", daemon=True).start()


def command(processes: int, *words: str) -> list[str]:
    """Return the arguments that run `python WORDS` in so many processes of this machine.

    One process needs no torchrun.
    """
    if processes == 1:
        return [sys.executable, *words]
    engine = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*engine, f"--nproc-per-node={processes}", *words]


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    if not text:
        raise InputError(name, "is missing", _START)
    if not text.isdecimal():
        raise InputError(name, f"is {quoted(text)}, which is no number", _START)
    return int(text)
