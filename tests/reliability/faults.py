"""A disk that fails, or a machine that dies, at the n-th thing that a process asks of its disk.

Counted are, for files below one folder: to open one for writing, to write, to sync (also the folder
itself), and to rename. What fails while it writes has written half.
"""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

Half = Callable[[], object]
Fate = Callable[["Disk", int, Half], None]

_open, _fsync, _replace = io.open, os.fsync, os.replace


@dataclass(slots=True)
class Disk:
    """What was asked of the disk so far, as `operation file`, and how much of a file is safe.

    `fate` is called with the disk, each operation's number, from 0, and a function that does half
    of the operation, where there is such a thing; it may raise OSError or end the process.
    """

    folder: Path
    fate: Fate
    asked: list[str] = field(default_factory=list)
    safe: dict[str, int] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)

    def ask(self, operation: str, path: str, half: Half = lambda: None) -> None:
        """Count an operation, and meet what fate has for it."""
        with self.lock:  # a thread that went on would rename what the power cut has spoilt
            self.asked.append(f"{operation} {Path(path).name}")
            self.fate(self, len(self.asked) - 1, half)

    def lose_power(self, random: Random) -> None:
        """Take away from each file that was written a random part of what was never synced."""
        for name, safe in [*self.safe.items()]:  # another thread may write meanwhile
            path = Path(name)
            if path.is_file():
                size = path.stat().st_size
                os.truncate(path, random.randint(min(safe, size), size))


class _File:
    """A file that is open for writing, on such a disk."""

    def __init__(self, file: Any, path: str, disk: Disk) -> None:
        self._file, self._path, self._disk = file, path, disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, content: Any) -> Any:
        def half() -> None:
            self._file.write(content[: len(content) // 2])
            self._file.flush()

        self._disk.ask("write", self._path, half)
        return self._file.write(content)


@contextmanager
def on(disk: Disk) -> Iterator[Disk]:
    """Files of this process below the disk's folder lie on it."""

    def open_on(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        path = _below(file, disk.folder)
        if path is None or not set(mode) & set("wax+"):
            return _open(file, mode, *more, **options)
        disk.ask("open", path)
        opened = _open(file, mode, *more, **options)
        disk.safe.setdefault(path, os.fstat(opened.fileno()).st_size)
        return _File(opened, path, disk)

    def fsync(descriptor: int) -> None:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if _below(path, disk.folder) is None:
            return _fsync(descriptor)
        disk.ask("sync", path)
        _fsync(descriptor)
        disk.safe[path] = os.fstat(descriptor).st_size
        return None

    def replace(source: Any, target: Any, **options: Any) -> None:
        path = _below(source, disk.folder)
        if path is not None:
            disk.ask("rename", path)
        _replace(source, target, **options)
        if path is not None:
            disk.safe[os.path.realpath(target)] = disk.safe.pop(path, 0)

    with (
        patch.object(io, "open", open_on),
        patch.object(os, "fsync", fsync),
        patch.object(os, "replace", replace),
    ):
        yield disk


def fine(_disk: Disk, _at: int, _half: Half) -> None:
    """A disk that never fails."""


def dies(number: int, power: Random | None, disk: Disk, at: int, half: Half) -> None:
    """The process is killed in its n-th operation; with `power` its machine loses power then."""
    if at == number:
        half()
        if power is not None:
            disk.lose_power(power)
        os.kill(os.getpid(), signal.SIGKILL)


def fails(number: int, error: int, for_good: bool, _disk: Disk, at: int, half: Half) -> None:
    """The n-th operation fails with this errno, and `for_good` all later ones too."""
    if at == number or (for_good and at > number):
        half()
        raise OSError(error, os.strerror(error))


def _below(path: Any, folder: Path) -> str | None:
    if isinstance(path, int):
        return None
    real = os.path.realpath(path)
    return real if real == str(folder) or real.startswith(f"{folder}{os.sep}") else None
