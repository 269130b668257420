"""Which process runs a folder, noted so that it is never taken for a later one with its id."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_SAME_START = 1.0
"""Seconds that two readings of one process's start time may differ by."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")
_HOST = re.compile(r"[\w.-]{1,253}")


def note(process: psutil.Process) -> dict[str, Any]:
    """Return what tells a living process apart, as plain values.

    `boot` and `ticks`, the clock ticks from that boot to the process's start, are exact and there
    on Linux only, as is `processes`, which names those that see each other: a container has its
    own. `started`, in seconds since 1970, moves with a clock that is set. `host` is for those who
    share its disk.
    """
    ticks = _ticks(process.pid)
    exact = {} if ticks is None else {"boot": boot(), "processes": _processes(), "ticks": ticks}
    told = {"pid": process.pid, "started": process.create_time(), "host": socket.gethostname()}
    return {**told, **exact}


def find(noted: Any) -> psutil.Process | None:
    """Return the living process that was noted, or None. A zombie is not alive.

    `noted` may be anything; what makes no sense is nobody.
    """
    try:
        process = psutil.Process(int(noted["pid"]))
        if not _is_same(process, noted):
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (ValueError, TypeError, KeyError, OverflowError, psutil.Error):
        return None


def boot() -> str | None:
    """What the system calls the time since it was started; None where it has no name for that."""
    with suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return None


def is_of_another_boot(noted: Any) -> bool:
    """Whether the machine was started anew since the process was noted, as far as can be told."""
    noted_boot = noted.get("boot") if isinstance(noted, Mapping) else None
    return noted_boot is not None and boot() not in (None, noted_boot)


def elsewhere(noted: Any) -> str | None:
    """The host name of another machine or container that the process was noted on; else None.

    From here, nobody can tell whether it lives. A process that is found here is none of them, nor
    is one that would be found if it lived, whatever this machine was called.
    """
    host = noted.get("host") if isinstance(noted, Mapping) else None
    if not isinstance(host, str) or not _HOST.fullmatch(host) or host == socket.gethostname():
        return None
    seen = _processes()  # a boot is not enough: containers share it
    here = seen is not None and (noted.get("boot"), noted.get("processes")) == (boot(), seen)
    return None if here or find(noted) is not None else host


def _processes() -> str | None:
    """Which processes this one sees, as `pid:[4026531836]`, see pid_namespaces(7); None as above.

    A number comes again within a boot only once all processes of its first use are dead.
    """
    with suppress(OSError):
        return str(_PROCESSES.readlink())
    return None


def _is_same(process: psutil.Process, noted: Mapping[str, Any]) -> bool:
    ticks = _ticks(process.pid)
    if ticks is not None and noted.get("ticks") is not None:
        return noted.get("boot") == boot() and int(noted["ticks"]) == ticks
    return bool(abs(process.create_time() - float(noted["started"])) <= _SAME_START)


def _ticks(pid: int) -> int | None:
    """Field 22 of `/proc/PID/stat`, see proc(5); None on systems without it."""
    if boot() is None:
        return None
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[19])
    return None
