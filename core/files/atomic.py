"""Writing files whole or not at all, and errors of the disk as RunErrors."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import RunError

if sys.platform != "win32":
    import fcntl

_UNFINISHED = re.compile(r"\..+\.\d+|\.tmp\w{6}")
"""Names of files that are being written, here or by safetensors."""

_NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP)
"""Errors by which CIFS, shared folders of virtual machines and some FUSE file systems say that they
cannot sync a folder."""


def unwritable_error(path: Path, error: Exception) -> RunError:
    """Return the error to raise when a file of a run cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return RunError(
        f"{path} cannot be written ({reason}): free some space or grant write permission there, "
        "then resume the run"
    )


@contextmanager
def disk_errors_as_run_error(path: Path) -> Iterator[None]:
    """Turn an OSError into a RunError about the file or folder."""
    try:
        yield
    except OSError as error:
        raise unwritable_error(path, error) from error


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the content of a file in one step. Raises OSError if it cannot be written.

    A power cut may leave the old content, or none.
    """
    beside = _beside(path)
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_durably(path: Path, *content: bytes | memoryview) -> None:
    """Replace the content of a file in one step, safe from power cuts: old or new content is left.

    Once it has returned, that is the new content. Pieces are written one after the other. Raises
    OSError if the file cannot be written.
    """
    with writing_durably(path) as beside, beside.open("wb") as file:
        for piece in content:
            file.write(piece)


@contextmanager
def writing_durably(path: Path) -> Iterator[Path]:
    """Give a path to write a file to, which then durably replaces `path` in one step.

    Raises OSError if it cannot be written.
    """
    beside = _beside(path)
    try:
        yield beside
        _sync(beside, os.O_RDWR)  # Windows syncs no file that is open for reading
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)  # the rename itself lies there


def make_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder that a power cut does not take, unless it is there.

    Raises OSError if it cannot be made.
    """
    folder.mkdir(parents=parents, exist_ok=True)
    sync_folder(folder.parent)


def sync(descriptor: int) -> None:
    """Write an open file through to the disk, safe from power cuts. Raises OSError if that fails.

    On macOS, fsync(2) leaves it in the drive's own cache, and not every file system can empty that.
    """
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames and new files in a folder safe from power cuts. Raises OSError if that fails."""
    if os.name == "posix":  # elsewhere a folder cannot be opened
        try:
            _sync(folder, os.O_RDONLY)
        except OSError as error:
            if error.errno not in _NO_SYNC_OF_FOLDERS:
                raise


def clear_unfinished(folder: Path) -> None:
    """Remove what killed processes left half written in a folder that nobody writes into now."""
    for path in folder.iterdir():
        if _UNFINISHED.fullmatch(path.name):
            with suppress(IsADirectoryError, PermissionError):
                path.unlink(missing_ok=True)


def find_special_file(folder: Path) -> Path | None:
    """Return a link, pipe, socket or device in a folder or one level below; None if there is none.

    Writing there could change a file elsewhere, or never end. Raises OSError if the folder cannot
    be read.
    """
    for path in sorted(folder.iterdir()):
        inside: Iterable[Path] = path.iterdir() if stat.S_ISDIR(_mode(path)) else ()
        for each in (path, *inside):
            mode = _mode(each)
            if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                return each
    return None


def _mode(path: Path) -> int:
    """Return the mode of a path, without following links; 0 if it has just been renamed."""
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return 0


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _sync(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
