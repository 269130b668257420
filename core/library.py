"""The library: a person's own schedules, one JSON file each, in a folder on their machine.

library/NAME-HASH.json    a schedule; its name is the one in the document
library/.trash/           what was deleted or replaced, for 30 days
library/.lock             locked during changes
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

from core.errors import InputError
from core.files import trash
from core.files.atomic import make_folder, sync, sync_folder
from core.files.home import home, is_demo, locked
from core.files.trash import TRASH
from core.schedule.document import MAX_NAME, as_seen
from core.schedule.edits import set_field
from core.schedule.file_names import slug
from core.schedule.parse import MAX_DOCUMENT_BYTES, dumps, parse
from core.schedule.spec import Schedule
from core.schedule.words import numbered

_SUFFIX = ".json"
_AGAIN = "it was deleted or renamed, so choose another one"


@dataclass(frozen=True, slots=True)
class SavedSchedule:
    """A schedule of the library: its file's name, and when it was saved (seconds since 1970)."""

    file: str
    schedule: Schedule
    saved: float

    @property
    def name(self) -> str:
        """The schedule's name."""
        return self.schedule.name


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file of the library that holds no schedule, and the reason."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class TrashedSchedule:
    """A deleted or replaced schedule, for `restore`."""

    name: str
    file: str


class NameTakenError(InputError):
    """The library has another schedule of that name."""


def library_folder() -> Path | None:
    """Return the library's folder; None in the hosted demo, which has no library.

    Raises InputError, naming THAW_HOME, if that is in the home folder of an unknown user.
    """
    return None if is_demo() else home() / "library"


def read_all(root: Path) -> tuple[tuple[SavedSchedule, ...], tuple[BrokenFile, ...]]:
    """Return all schedules, the newest first, and all files without a valid one, by name.

    Any `*.json` counts, also one that was put there by hand. A folder that does not exist is empty.
    """
    entries, broken = [], []
    for path in _files(root):
        try:
            status = path.stat()
            schedule = _schedule(path, status.st_mtime_ns, status.st_size)
            entries.append(SavedSchedule(path.name, schedule, status.st_mtime))
        except InputError as error:
            broken.append(BrokenFile(path.name, str(error)))
        except OSError as error:
            broken.append(BrokenFile(path.name, f"cannot be read ({error.strerror})"))
    entries.sort(key=lambda entry: (-entry.saved, entry.file))
    return tuple(entries), tuple(sorted(broken, key=lambda each: each.file))


def load(root: Path, file: str) -> SavedSchedule:
    """Return the schedule in that file; InputError if there is no such file, or it is broken."""
    entries, broken = read_all(root)
    for entry in entries:
        if entry.file == file:
            return entry
    for each in broken:
        if each.file == file:
            raise InputError("library", f"has {file!r}, which holds no schedule", each.reason)
    raise InputError("library", f"has no {file[:80]!r}", _AGAIN)


def save(
    root: Path, schedule: Schedule, *, replace: bool = False
) -> tuple[str, TrashedSchedule | None]:
    """Save a schedule, and return its file name and the schedule that it has replaced.

    Raises NameTakenError if another schedule has its name and `replace` is not set; InputError if
    it cannot be written.
    """
    with locked(root):
        same = _named(root, schedule.name)
        if same is not None and same.schedule == schedule:
            return same.file, None
        if same is not None and not replace:
            wrong = f"is {schedule.name!r}, which the library already has"
            raise NameTakenError("name", wrong, "replace that one, or take another name")
        return _write(root, schedule, same)


def rename(root: Path, file: str, name: str) -> str:
    """Rename a schedule of the library, and return its new file name.

    Raises NameTakenError if another one has that name; InputError for an invalid name, and if there
    is no such file.
    """
    with locked(root):
        entry = load(root, file)
        renamed = set_field(entry.schedule, "name", name.strip())
        if renamed == entry.schedule:
            return file
        same = _named(root, renamed.name)
        if same is not None and same.file != file:
            wrong = f"is {renamed.name!r}, the name of another schedule in the library"
            raise NameTakenError("name", wrong, "take another name")
        new, _ = _write(root, renamed)
        (root / file).unlink(missing_ok=True)  # written first: a crash leaves two, never none
        return new


def duplicate(root: Path, file: str) -> str:
    """Copy a schedule as `NAME copy` or `NAME copy 2`, and return the copy's file name."""
    with locked(root):
        entry = load(root, file)
        taken = {as_seen(each.name) for each in read_all(root)[0]}
        for number in count(1):
            tail = " copy" if number == 1 else f" copy {number}"
            name = entry.name[: MAX_NAME - len(tail)].rstrip() + tail
            if as_seen(name) not in taken:
                return _write(root, set_field(entry.schedule, "name", name))[0]
    raise AssertionError  # count() has no end


def delete(root: Path, file: str) -> TrashedSchedule:
    """Move a schedule into the trash, where `restore` finds it for 30 days."""
    with locked(root):
        _empty_trash(root)
        return _to_trash(root, load(root, file))


def restore(root: Path, trashed: TrashedSchedule) -> str:
    """Bring back a deleted or replaced schedule, and return its file name.

    If another schedule has its name by now, that one goes into the trash. Raises InputError if the
    deleted one is no longer there.
    """
    with locked(root):
        path = root / TRASH / trashed.file
        if trashed.file not in {each.name for each in _files(root / TRASH)}:
            raise InputError(
                "library", f"has no {trashed.name!r} in its trash", "it is gone: create it again"
            )
        schedule = parse(path.read_bytes())
        file, _ = _write(root, schedule, _named(root, schedule.name))
        path.unlink(missing_ok=True)
        return file


def _named(root: Path, name: str) -> SavedSchedule | None:
    return next((e for e in read_all(root)[0] if as_seen(e.name) == as_seen(name)), None)


def _file_of(name: str) -> str:
    """Return the file name of a schedule, as in `gradual-unfreezing-1a2b3c4d.json`.

    It is valid on every system: thanks to the hash, it is none of its reserved names such as CON,
    and it is different for every name.
    """
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    hashed = hashlib.sha256(as_seen(name).encode()).hexdigest()[:8]
    return f"{slug(ascii_name, 'schedule')}-{hashed}{_SUFFIX}"


def _files(root: Path) -> list[Path]:
    try:
        return [p for p in root.iterdir() if p.suffix == _SUFFIX and not p.name.startswith(".")]
    except OSError:
        return []


@lru_cache(maxsize=512)
def _schedule(path: Path, changed: int, size: int) -> Schedule:
    """Return the schedule in a file; the cache reads it again when it has changed."""
    with path.open("rb") as file:
        return parse(file.read(MAX_DOCUMENT_BYTES + 1))


def _write(
    root: Path, schedule: Schedule, replaced: SavedSchedule | None = None
) -> tuple[str, TrashedSchedule | None]:
    """Write the schedule's file in one step, after moving the one that it replaces into the trash.

    If it cannot be written, nothing changes; if it can only not be synced, it is there all the
    same. Another file with its name stays. After the return, the file is safe from power cuts.
    """
    plain = _file_of(schedule.name)
    beside = root / f".{plain}.{os.getpid()}"
    try:
        make_folder(root)  # it exists, but perhaps only since its lock was made
        with beside.open("wb") as stream:
            stream.write(dumps(schedule).encode())
            stream.flush()
            sync(stream.fileno())
        trashed = None if replaced is None else _to_trash(root, replaced)
        names = (each + _SUFFIX for each in numbered(plain.removesuffix(_SUFFIX), "-{}"))
        file = next(each for each in names if not (root / each).exists())
        beside.replace(root / file)
        sync_folder(root)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return file, trashed


def _to_trash(root: Path, entry: SavedSchedule) -> TrashedSchedule:
    path = trash.new_entry(root, _file_of(entry.name)).path
    make_folder(path.parent)
    (root / entry.file).replace(path)
    sync_folder(path.parent)  # before its old name is gone
    sync_folder(root)
    return TrashedSchedule(entry.name, path.name)


def _empty_trash(root: Path) -> None:
    """Remove schedules that were deleted more than 30 days ago."""
    for each in trash.expired(root):
        if each.path.suffix == _SUFFIX:
            with suppress(OSError):
                each.path.unlink()
