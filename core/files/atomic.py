"""Files that are whole or not there at all, and what a disk refuses told in words."""

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
"""How files are called while they are written: here, and where safetensors writes one."""

_NO_SYNC_OF_FOLDERS = (errno.EINVAL, errno.ENOTSUP)
"""How CIFS, shared folders of virtual machines and some of FUSE say that they know no such thing:
there a rename is as safe as they make it."""


def unwritable(path: Path, error: Exception) -> RunError:
    """Return what to raise when a file of a run cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return RunError(
        f"{path} cannot be written ({reason}): free some space or grant write permission there, "
        "then resume the run"
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into a RunError about the file or folder."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def replace(path: Path, content: bytes) -> None:
    """Replace a file by new content in one step; OSError if the disk refuses.

    A power cut may leave the old content, or none.
    """
    beside = _beside(path)
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def replace_durably(path: Path, *content: bytes | memoryview) -> None:
    """As `replace`, and a power cut leaves the old content or, once it has returned, the new.

    What is given in pieces is written in their order.
    """
    with replacing(path) as beside, beside.open("wb") as file:
        for piece in content:
            file.write(piece)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """As `replace_durably`, of a file that is written by the context to the path that it gets."""
    beside = _beside(path)
    try:
        yield beside
        _sync(beside, os.O_RDWR)  # Windows syncs no file that is open for reading
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)  # the rename itself lies there


def make_folder(folder: Path, *, parents: bool = True) -> None:
    """Make a folder, unless it is there, so that a power cut does not take it; OSError as above."""
    folder.mkdir(parents=parents, exist_ok=True)
    sync_folder(folder.parent)


def sync(descriptor: int) -> None:
    """Have an open file outlast a power cut; OSError if the disk refuses.

    On macOS fsync leaves it in the drive's own cache, see fsync(2) there; not every file system
    knows how to empty that.
    """
    if sys.platform == "darwin":
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Have renames and new files in a folder outlast a power cut; OSError as above."""
    if os.name == "posix":  # elsewhere a folder cannot be opened
        try:
            _sync(folder, os.O_RDONLY)
        except OSError as error:
            if error.errno not in _NO_SYNC_OF_FOLDERS:
                raise


def clear_unfinished(folder: Path) -> None:
    """Take away what killed writes have left in a folder that no living process writes into."""
    for path in folder.iterdir():
        if _UNFINISHED.fullmatch(path.name):
            with suppress(IsADirectoryError, PermissionError):
                path.unlink(missing_ok=True)


def strange(folder: Path) -> Path | None:
    """A link, pipe, socket or device in a folder, or right in a folder of it; OSError as above.

    To write there may change a file elsewhere, or never end.
    """
    for path in sorted(folder.iterdir()):
        inside: Iterable[Path] = path.iterdir() if stat.S_ISDIR(_mode(path)) else ()
        for each in (path, *inside):
            mode = _mode(each)
            if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                return each
    return None


def _mode(path: Path) -> int:
    """Return what a path is, links not followed; 0 if another process has just renamed it."""
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
