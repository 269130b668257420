"""Which process runs a folder, and whether it is asked to stop.

lock    locked as long as a process runs the folder: the system unlocks it, however that ends
pid     which process that is; of one that was launched, before it has locked the folder
STOP    there while the run is asked to stop
room    given up for the last event where the disk is full, see event_log.py
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from core.errors import InputError, RunError, quoted
from core.files.atomic import as_run_error, clear_unfinished, find_special_file, replace
from core.files.small_files import read_json
from core.runs import event_log
from core.runs.events import Launched
from core.runs.status import is_end

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PID = "pid"
LOCK = "lock"
STOP = "STOP"

_HELD: dict[Path, FileLock] = {}
"""The locks that this process holds, by their folders."""
_LOOKED_AT = 1.0
"""Seconds to wait for a lock, since whoever looks whether it is held has it for a moment."""
_HANDED_OVER = 30.0
"""Seconds to wait for a launcher to let go of it."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""How a disk says that it has no file locks, as some do of a network or in FUSE."""
_SAME_START = 1.0
"""Seconds that two readings of one process's start time may differ by."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_HOST = re.compile(r"[\w.-]{1,253}")


def acquire(folder: Path) -> None:
    """Make this process the one that runs the folder, and note that a session begins.

    Of several at once, one gets it. A stop that an earlier session was asked for is withdrawn.
    Raises InputError if a living process runs it, this one included, or another machine does, or
    if what lies there may lead out of it; RunError if nothing can be written or locked there.
    """
    with as_run_error(folder):
        _refuse_strange(folder)
        refuse_elsewhere(folder, "DIR", str(folder))
        if not _lock(folder, _LOOKED_AT):
            raise _taken(folder)
        try:
            if process(folder) is not None:  # which was launched, and has not locked it yet
                raise _taken(folder)
            withdraw_stop(folder)
            clear_unfinished(folder)
            event_log.append(folder, Launched())
            event_log.reserve_space(folder)
            _note(folder, os.getpid())
        except BaseException:
            _unlock(folder)
            raise


def hand_over(folder: Path, pid: int) -> None:
    """Give a folder to a process that this one has launched, and which will call `take_over`.

    Raises psutil.NoSuchProcess if that is gone, OSError if it cannot be noted: then the folder is
    still this process's own.
    """
    _note(folder, pid)
    _unlock(folder)


def take_over(folder: Path) -> bool:
    """Return whether this process was launched to run the folder, which is then its own.

    A stop that was asked for in between holds. Raises InputError if what lies there may lead out
    of it, RunError if nothing can be written or locked there.
    """
    own, launcher = os.getpid(), os.getppid()
    with as_run_error(folder):
        _refuse_strange(folder)
        noted = process(folder)
        if noted is None or noted.pid not in (own, launcher) or not _lock(folder, _HANDED_OVER):
            return False
        found = noted_pid(folder)
        if found == launcher:  # it has died before it noted this process
            _note(folder, own)
        elif found != own:  # and another process has taken the folder since
            _unlock(folder)
            return False
        return True


def release(folder: Path) -> None:
    """Give up the folder: this process writes nothing into it any more."""
    holder = process(folder)
    if holder is not None and holder.pid == os.getpid():
        event_log.release_space(folder)
        with suppress(OSError):  # then the note ends with the process
            (folder / PID).unlink(missing_ok=True)
    _unlock(folder)


def is_own(folder: Path) -> bool:
    """Return whether the folder is still there and this process's own, as far as can be read."""
    try:
        noted = read_json(folder / PID)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return isinstance(noted, dict) and noted.get("pid") == os.getpid()


def process(folder: Path) -> psutil.Process | None:
    """Return the living process that is noted to run the folder, or None. A zombie is not alive."""
    return _find(_noted(folder))


def noted_pid(folder: Path) -> Any:
    """Return the id that is noted of the process that runs the folder, whether it lives or not."""
    return _noted(folder).get("pid")


def is_alive(folder: Path) -> bool:
    """Return whether a process runs the folder that this machine knows of.

    It may be in another container, and have no id here.
    """
    noted = _noted(folder)
    return bool(noted) and (_is_locked(folder) or _find(noted) is not None)


def is_taken(folder: Path) -> bool:
    """Return whether a living process runs the folder, or another machine, as far as it tells."""
    return is_alive(folder) or other_host(folder) is not None


def other_host(folder: Path) -> str | None:
    """Return the host name of another machine or container that runs the folder, or None.

    From here, nobody can tell whether it lives, so what has not told its end counts as running.
    None where a process of this machine runs it, or did when it ended: whatever the machine was
    called, its lock is seen here.
    """
    noted = _noted(folder)
    host = noted.get("host")
    if not isinstance(host, str) or not _HOST.fullmatch(host) or host == socket.gethostname():
        return None
    if _find(noted) is not None or is_end(event_log.last(folder)):
        return None
    here = noted.get("locks") is True and noted.get("boot") == _boot() is not None
    return None if here and not _is_locked(folder) else host


def refuse_elsewhere(folder: Path, field: str, name: str) -> None:
    """Raise InputError, with the way out, if another machine runs the folder."""
    host = other_host(folder)
    if host is not None:
        wrong = f"is {name!r}, which runs on {host}, another machine or container"
        way_out = f"stop it there; if that machine is gone, delete {folder / PID} and try again"
        raise InputError(field, wrong, way_out)


def is_of_another_boot(folder: Path) -> bool:
    """Return whether the machine was started anew since a process noted that it runs the folder."""
    boot = _noted(folder).get("boot")
    return boot is not None and _boot() not in (None, boot)


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


def _refuse_strange(folder: Path) -> None:
    """Raise InputError for a link, pipe or device: a stranger's folder may lead elsewhere."""
    found = find_special_file(folder)
    if found is not None:
        name, link = quoted(found.relative_to(folder).as_posix()), found.is_symlink()
        wrong = f"is {str(folder)!r}, where {name} is a {'link' if link else 'pipe or device'}"
        way_out = "put what it leads to in its place" if link else "delete it"
        raise InputError("DIR", wrong, f"a run writes only its own files, so {way_out}")


def _taken(folder: Path) -> InputError:
    wrong = f"is {str(folder)!r}, which process {noted_pid(folder)} is running"
    return InputError("DIR", wrong, "stop that one first, or wait for its end")


def _lock(folder: Path, seconds: float) -> bool:
    """Lock the folder for this process; return False if another holds it for so many seconds.

    A process that this one forks holds no part of it, so that its death is enough to unlock it.
    """
    lock = FileLock(
        folder / LOCK, thread_local=False, fallback_to_soft=False, preserve_lock_file=True
    )
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        wrong = f"{folder} is on a disk without file locks ({error.strerror})"
        raise RunError(f"{wrong}: move it to a disk of this machine") from None
    _HELD[folder] = lock
    return True


def _unlock(folder: Path) -> None:
    lock = _HELD.pop(folder, None)
    if lock is not None:
        lock.release()


def _is_locked(folder: Path) -> bool:
    """Return whether a process holds the lock, as far as the disk can tell; nothing is written."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the latter on Windows
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _note(folder: Path, pid: int) -> None:
    """Note which process runs the folder, also on a full disk: in the room that is kept there.

    `started` is in seconds since 1970, `host` for those who share the disk, and `locks` missing
    where an earlier Thaw has noted it. Raises OSError if the disk refuses even so.
    """
    of = {"pid": pid, "started": psutil.Process(pid).create_time(), "locks": True}
    noted = json.dumps({**of, "host": socket.gethostname(), "boot": _boot()}).encode()
    try:
        replace(folder / PID, noted)
    except OSError:
        event_log.release_space(folder)
        replace(folder / PID, noted)


def _noted(folder: Path) -> dict[str, Any]:
    """Return what `_note` has noted; nothing if that is missing or unreadable."""
    try:
        noted = read_json(folder / PID)
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _find(noted: dict[str, Any]) -> psutil.Process | None:
    """Return the living process that was noted, which a later one with its id is not."""
    try:
        process = psutil.Process(int(noted["pid"]))
        other_boot = noted.get("boot") not in (None, _boot())
        if other_boot or abs(process.create_time() - float(noted["started"])) > _SAME_START:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (ValueError, TypeError, KeyError, OverflowError, psutil.Error):
        return None


def _boot() -> str | None:
    """Return what the system calls the time since it was started, or None if it has no name."""
    with suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return None
