"""The lock of a run: the process that runs a folder, and requests to stop it.

lock    locked while a process runs the folder; the system unlocks it whenever that ends
pid     which process that is, or which was launched for it and will lock the folder
STOP    exists while a stop is requested
room    disk space reserved for the last event, see event_log.py
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
from core.files.atomic import (
    clear_unfinished,
    disk_errors_as_run_error,
    find_special_file,
    write_atomically,
)
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
_ACQUIRE_SECONDS = 1.0
"""Seconds to wait for a lock, since a process that checks it has it for a moment."""
_HAND_OVER_SECONDS = 30.0
"""Seconds to wait until a launcher unlocks the folder."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Errors of disks without file locks, such as some network and FUSE file systems."""
_SAME_START = 1.0
"""Seconds that two readings of one process's start time may differ by."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_HOST = re.compile(r"[\w.-]{1,253}")


def acquire(folder: Path) -> None:
    """Make this process the one that runs the folder, and write that a session begins.

    Of several processes at once, one gets it. An older request to stop is withdrawn. Raises
    InputError if a living process runs it, be it this one, if another machine does, or if it holds
    a link, pipe or device; RunError if nothing can be written or locked there.
    """
    with disk_errors_as_run_error(folder):
        _refuse_special_files(folder)
        refuse_elsewhere(folder, "DIR", str(folder))
        if not _lock(folder, _ACQUIRE_SECONDS):
            raise _running_error(folder)
        try:
            if process(folder) is not None:  # which was launched, and has not locked it yet
                raise _running_error(folder)
            withdraw_stop(folder)
            clear_unfinished(folder)
            event_log.append(folder, Launched())
            event_log.reserve_space(folder)
            _note(folder, os.getpid())
        except BaseException:
            _unlock(folder)
            raise


def hand_over(folder: Path, pid: int) -> None:
    """Hand a folder over to a process that this one has launched, and which will `take_over`.

    Raises psutil.NoSuchProcess if that has ended, OSError if its id cannot be written; the folder
    is then still this process's own.
    """
    _note(folder, pid)
    _unlock(folder)


def take_back(folder: Path) -> bool:
    """Lock a folder again that this process had handed over.

    Returns False if the other process lives or a third one has run it. Raises OSError if nothing
    can be written there, RunError if nothing can be locked.
    """
    if not _lock(folder, _ACQUIRE_SECONDS):
        return False
    try:
        noted = _noted(folder)
        if not noted or _find(noted) is not None:
            _unlock(folder)
            return False
        _note(folder, os.getpid())
    except BaseException:
        _unlock(folder)
        raise
    return True


def take_over(folder: Path) -> bool:
    """Lock the folder that this process was launched to run.

    Returns False if it was not launched for it. A stop that was requested meanwhile stays
    requested. Raises InputError if the folder holds a link, pipe or device, RunError if nothing can
    be written or locked there.
    """
    own, launcher = os.getpid(), os.getppid()
    with disk_errors_as_run_error(folder):
        _refuse_special_files(folder)
        runner = process(folder)
        if runner is None or runner.pid not in (own, launcher):
            return False
        if not _lock(folder, _HAND_OVER_SECONDS):
            return False
        pid = noted_pid(folder)
        if pid == launcher:  # it has died before it noted this process
            _note(folder, own)
        elif pid != own:  # another process has taken the folder since
            _unlock(folder)
            return False
        return True


def release(folder: Path) -> None:
    """Release the folder: this process writes nothing more into it."""
    runner = process(folder)
    if runner is not None and runner.pid == os.getpid():
        event_log.release_space(folder)
        with suppress(OSError):  # then the note holds until the process ends
            (folder / PID).unlink(missing_ok=True)
    _unlock(folder)


def is_own(folder: Path) -> bool:
    """Return whether the folder exists and is this process's own; True if that cannot be read."""
    try:
        noted = read_json(folder / PID)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return isinstance(noted, dict) and noted.get("pid") == os.getpid()


def process(folder: Path) -> psutil.Process | None:
    """Return the living process that runs the folder, or None; a zombie does not live."""
    return _find(_noted(folder))


def noted_pid(folder: Path) -> Any:
    """Return the noted id of the process that runs the folder, whether that lives or not."""
    return _noted(folder).get("pid")


def is_alive(folder: Path) -> bool:
    """Return whether a living process of this machine runs the folder.

    It may be in another container, and then it has no id here.
    """
    noted = _noted(folder)
    return bool(noted) and (_is_locked(folder) or _find(noted) is not None)


def is_taken(folder: Path) -> bool:
    """Return whether a living process of this machine, or another machine, runs the folder."""
    # an ended run has no note, and pages ask this of every run
    return bool(_noted(folder)) and (is_alive(folder) or other_host(folder) is not None)


def other_host(folder: Path) -> str | None:
    """Return the name of another machine or container that runs the folder, or None.

    Its process cannot be seen from here, so a run without an end counts as running. A process of
    this machine is recognised by its boot and its lock, even if the machine had another name.
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
    """Return whether the machine was restarted since a process began to run the folder."""
    boot = _noted(folder).get("boot")
    return boot is not None and _boot() not in (None, boot)


def request_stop(folder: Path) -> None:
    """Request the run to stop after its present batch; if no process runs it, nothing happens."""
    if is_taken(folder):
        with suppress(OSError):
            (folder / STOP).touch()


def withdraw_stop(folder: Path) -> None:
    """Withdraw the request of `request_stop`."""
    (folder / STOP).unlink(missing_ok=True)


def stop_requested(folder: Path) -> bool:
    """Return whether the run is requested to stop."""
    return (folder / STOP).exists()


def _refuse_special_files(folder: Path) -> None:
    """Raise InputError for a link, pipe or device, by which a run could write elsewhere."""
    file = find_special_file(folder)
    if file is not None:
        name, link = quoted(file.relative_to(folder).as_posix()), file.is_symlink()
        wrong = f"is {str(folder)!r}, where {name} is a {'link' if link else 'pipe or device'}"
        way_out = "put what it leads to in its place" if link else "delete it"
        raise InputError("DIR", wrong, f"a run writes only its own files, so {way_out}")


def _running_error(folder: Path) -> InputError:
    wrong = f"is {str(folder)!r}, which process {noted_pid(folder)} is running"
    return InputError("DIR", wrong, "stop that one first, or wait for its end")


def _lock(folder: Path, seconds: float) -> bool:
    """Lock the folder for this process; return False if another has locked it for so many seconds.

    Processes that this one starts do not inherit the lock, so it ends with this process.
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
    """Return whether a process has locked the folder, as far as is known; nothing is written."""
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
    """Write which process runs the folder, on a full disk in the reserved space.

    `started` is in seconds since 1970, `host` is for machines that share the disk, and `locks` is
    missing in the notes of an earlier Thaw. Raises OSError if the disk refuses nevertheless, and
    psutil.NoSuchProcess if the process has ended.
    """
    note = {
        "pid": pid,
        "started": psutil.Process(pid).create_time(),
        "locks": True,
        "host": socket.gethostname(),
        "boot": _boot(),
    }
    content = json.dumps(note).encode()
    try:
        write_atomically(folder / PID, content)
    except OSError:
        event_log.release_space(folder)
        write_atomically(folder / PID, content)


def _noted(folder: Path) -> dict[str, Any]:
    """Return what `_note` has written; empty if that is missing or unreadable."""
    try:
        noted = read_json(folder / PID)
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _find(noted: dict[str, Any]) -> psutil.Process | None:
    """Return the noted process if it lives; None also if another one has its id by now."""
    try:
        process = psutil.Process(int(noted["pid"]))
        other_boot = noted.get("boot") not in (None, _boot())
        if other_boot or abs(process.create_time() - float(noted["started"])) > _SAME_START:
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (ValueError, TypeError, KeyError, OverflowError, psutil.Error):
        return None


def _boot() -> str | None:
    """Return the system's id of its present boot, or None if it has none."""
    with suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return None
