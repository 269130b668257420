"""Which process runs a folder, and whether it is asked to stop.

pid     which process it is, see owner.py
lock    held for the moment in which one of several processes takes the folder
STOP    there while the run is asked to stop
room    given up for the last event where the disk is full, see event_log.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from core.errors import InputError, quoted
from core.files.atomic import as_run_error, clear_unfinished, find_special_file, replace
from core.files.lock import alone
from core.files.small_files import read_json
from core.runs import event_log, outcome
from core.runs.events import Launched
from core.runs.processes import owner

PID = "pid"
LOCK = "lock"
STOP = "STOP"


def take(folder: Path) -> None:
    """Make this process the one that runs the folder, and note that a session begins.

    Of several at once, one gets it. A stop that an earlier session was asked for is withdrawn.
    Raises InputError if a living process runs it, this one included, or another machine does, or
    if what lies there may lead out of it; RunError if nothing can be written there.
    """
    with _alone(folder):
        holder = process(folder)
        if holder is not None:
            wrong = f"is {str(folder)!r}, which process {holder.pid} is running"
            raise InputError("DIR", wrong, "stop that one first, or wait for its end")
        refuse_elsewhere(folder, "DIR", str(folder))
        withdraw_stop(folder)
        clear_unfinished(folder)
        event_log.append(folder, Launched())
        event_log.keep_room(folder)
        write_pid(folder, psutil.Process())


def take_over(folder: Path) -> bool:
    """Whether this process was launched to run the folder; its launcher's claim is then its own.

    A stop that was asked for in between holds. Raises what `take` raises, but for a living process.
    """
    with _alone(folder):
        holder = process(folder)
        if holder is None or holder.pid not in (os.getpid(), os.getppid()):
            return False
        if holder.pid != os.getpid():  # else its launcher has noted it
            write_pid(folder, psutil.Process())
        return True


def release(folder: Path) -> None:
    """Give up the claim of this process: it writes nothing into the folder any more."""
    holder = process(folder)
    if holder is not None and holder.pid == os.getpid():
        event_log.give_room(folder)
        with suppress(OSError):  # then the claim ends with the process
            (folder / PID).unlink(missing_ok=True)


def is_own(folder: Path) -> bool:
    """Whether the folder is still there, and run by this process, as far as that can be read."""
    try:
        noted = read_json(folder / PID)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return isinstance(noted, dict) and noted.get("pid") == os.getpid()


def write_pid(folder: Path, process: psutil.Process) -> None:
    """Note which process runs the folder, also on a full disk: in the room that is kept there.

    OSError if the disk refuses even so.
    """
    noted = json.dumps(owner.note(process)).encode()
    try:
        replace(folder / PID, noted)
    except OSError:
        event_log.give_room(folder)
        replace(folder / PID, noted)


def process(folder: Path) -> psutil.Process | None:
    """Return the living process that runs the folder, or None. A zombie is not alive."""
    return owner.find(_noted(folder))


def is_of_another_boot(folder: Path) -> bool:
    """Return whether the machine was started anew since a process noted that it runs the folder."""
    return owner.is_of_another_boot(_noted(folder))


def elsewhere(folder: Path) -> str | None:
    """Return the host name of another machine that runs the folder, as far as the folder tells.

    None where a process of this machine runs it, and for a run that has told its end.
    """
    return _elsewhere(folder, _noted(folder))


def refuse_elsewhere(folder: Path, field: str, name: str) -> None:
    """Raise InputError, with the way out, if another machine runs the folder."""
    host = elsewhere(folder)
    if host is not None:
        wrong = f"is {name!r}, which runs on {host}, another machine or container"
        way_out = f"stop it there; if that machine is gone, delete {folder / PID} and try again"
        raise InputError(field, wrong, way_out)


def is_taken(folder: Path) -> bool:
    """Whether a living process runs the folder, or another machine does, as far as it tells."""
    noted = _noted(folder)
    return owner.find(noted) is not None or _elsewhere(folder, noted) is not None


def request_stop(folder: Path) -> None:
    """Ask the run to stop after the batch it is in; where nobody runs it, nothing happens."""
    if is_taken(folder):
        with suppress(OSError):
            (folder / STOP).touch()


def withdraw_stop(folder: Path) -> None:
    """Take back what `request_stop` has asked."""
    (folder / STOP).unlink(missing_ok=True)


def stop_requested(folder: Path) -> bool:
    """Return whether the run is asked to stop."""
    return (folder / STOP).exists()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A context that one process at a time is in, of a folder in which all files are its own."""
    with as_run_error(folder):
        # a folder may come from a stranger, and a pipe for a lock waits
        found = find_special_file(folder)
        if found is not None:
            name, link = quoted(found.relative_to(folder).as_posix()), found.is_symlink()
            wrong = f"is {str(folder)!r}, where {name} is a {'link' if link else 'pipe or device'}"
            way_out = "put what it leads to in its place" if link else "delete it"
            raise InputError("DIR", wrong, f"a run writes only its own files, so {way_out}")
        with alone(folder / LOCK):
            yield


def _elsewhere(folder: Path, noted: Any) -> str | None:
    host = owner.elsewhere(noted)
    return None if host is None or outcome.is_end(event_log.last(folder)) else host


def _noted(folder: Path) -> Any:
    """Return what `write_pid` has noted, or None if that is missing or unreadable."""
    try:
        return read_json(folder / PID)
    except (OSError, ValueError):
        return None
