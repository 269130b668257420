"""The library: a person's own schedules, one JSON file each in a folder on their machine.

library/NAME-HASH.json    a schedule; its name is the one in the document
library/.trash/           what was deleted or replaced, for 30 days
library/.lock             held by whoever changes something
"""

from __future__ import annotations

import hashlib
import os
import time
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path

from core.errors import InputError
from core.files.atomic import make_folder, sync, sync_folder
from core.files.home import alone_in, home, is_demo
from core.schedule.document import MAX_NAME, as_seen
from core.schedule.edits import set_field
from core.schedule.file_names import slug
from core.schedule.parse import MAX_BYTES, dumps, parse
from core.schedule.spec import Schedule

KEPT_FOR = 30 * 24 * 3600.0
"""Seconds that the trash keeps what was deleted."""
_TRASH, _SUFFIX = ".trash", ".json"
_AGAIN = "it was deleted or renamed, so choose another one"


@dataclass(frozen=True, slots=True)
class Entry:
    """A schedule of the library: its file's name, and when it was saved (seconds since 1970)."""

    file: str
    schedule: Schedule
    saved: float

    @property
    def name(self) -> str:
        """The schedule's name."""
        return self.schedule.name


@dataclass(frozen=True, slots=True)
class Broken:
    """A file of the library that holds no schedule, and why."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trashed:
    """What was deleted or replaced: `restore` brings it back."""

    name: str
    file: str


class NameTakenError(InputError):
    """A schedule of that name is in the library; saving it may replace that one."""


def root() -> Path | None:
    """The library's folder; None in the hosted demo, which has none. Raises what `home` raises."""
    return None if is_demo() else home() / "library"


def read(root: Path) -> tuple[tuple[Entry, ...], tuple[Broken, ...]]:
    """Return all schedules, the one saved last first, and all files that hold none, by name.

    Any `*.json` counts, also one that was put there by hand. A folder that is not there is empty.
    """
    entries, broken = [], []
    for path in _files(root):
        try:
            found = path.stat()
            schedule = _schedule(path, found.st_mtime_ns, found.st_size)
            entries.append(Entry(path.name, schedule, found.st_mtime))
        except InputError as error:
            broken.append(Broken(path.name, str(error)))
        except OSError as error:
            broken.append(Broken(path.name, f"cannot be read ({error.strerror})"))
    entries.sort(key=lambda entry: (-entry.saved, entry.file))
    return tuple(entries), tuple(sorted(broken, key=lambda each: each.file))


def load(root: Path, file: str) -> Entry:
    """Return the schedule in that file of the library; InputError if it is not there, or broken."""
    entries, broken = read(root)
    for entry in entries:
        if entry.file == file:
            return entry
    for each in broken:
        if each.file == file:
            raise InputError("library", f"has {file!r}, which holds no schedule", each.reason)
    raise InputError("library", f"has no {file[:80]!r}", _AGAIN)


def save(root: Path, schedule: Schedule, *, replace: bool = False) -> tuple[str, Trashed | None]:
    """Put a schedule into the library; returns its file, and the schedule that it has replaced.

    Raises NameTakenError if another schedule has its name and `replace` is not set; InputError if
    nothing can be written there.
    """
    with alone_in(root):
        same = _named(root, schedule.name)
        if same is not None and same.schedule == schedule:
            return same.file, None
        if same is not None and not replace:
            wrong = f"is {schedule.name!r}, which the library already has"
            raise NameTakenError("name", wrong, "replace that one, or take another name")
        return _write(root, schedule, same)


def rename(root: Path, file: str, name: str) -> str:
    """Give a schedule of the library another name; returns its file from now on.

    Raises NameTakenError if another one has that name; InputError for a name that no schedule may
    have, and if the file is not there.
    """
    with alone_in(root):
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
    """Put a copy beside a schedule, as `NAME copy` or `NAME copy 2`; returns its file."""
    with alone_in(root):
        entry = load(root, file)
        taken = {as_seen(each.name) for each in read(root)[0]}
        for number in count(1):
            tail = " copy" if number == 1 else f" copy {number}"
            name = entry.name[: MAX_NAME - len(tail)].rstrip() + tail
            if as_seen(name) not in taken:
                return _write(root, set_field(entry.schedule, "name", name))[0]
    raise AssertionError  # count() has no end


def delete(root: Path, file: str) -> Trashed:
    """Move a schedule into the trash, from which `restore` brings it back for 30 days."""
    with alone_in(root):
        _empty_trash(root)
        return _to_trash(root, load(root, file))


def restore(root: Path, trashed: Trashed) -> str:
    """Bring back what was deleted or replaced; returns its file.

    Where a schedule has taken its name since, that one goes into the trash in its stead.
    Raises InputError if the trash has been emptied.
    """
    with alone_in(root):
        path = root / _TRASH / trashed.file
        if trashed.file not in {each.name for each in _files(root / _TRASH)}:
            raise InputError(
                "library", f"has no {trashed.name!r} in its trash", "it is gone: create it again"
            )
        schedule = parse(path.read_bytes())
        file, _ = _write(root, schedule, _named(root, schedule.name))
        path.unlink(missing_ok=True)
        return file


def _named(root: Path, name: str) -> Entry | None:
    return next((e for e in read(root)[0] if as_seen(e.name) == as_seen(name)), None)


def _file_of(name: str) -> str:
    """`gradual-unfreezing-1a2b3c4d.json`: plain on every system, and another for every name.

    The hash keeps names apart whose letters are left out, and it is why CON or NUL can do no harm.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    hashed = hashlib.sha256(as_seen(name).encode()).hexdigest()[:8]
    return f"{slug(plain, 'schedule')}-{hashed}{_SUFFIX}"


def _files(root: Path) -> list[Path]:
    try:
        return [p for p in root.iterdir() if p.suffix == _SUFFIX and not p.name.startswith(".")]
    except OSError:
        return []


@lru_cache(maxsize=512)
def _schedule(path: Path, changed: int, size: int) -> Schedule:
    """Return what a file holds, read again when it has changed."""
    with path.open("rb") as file:
        return parse(file.read(MAX_BYTES + 1))


def _write(
    root: Path, schedule: Schedule, instead: Entry | None = None
) -> tuple[str, Trashed | None]:
    """Write the schedule's file in one stroke, and move what it stands for into the trash.

    What cannot be written leaves all as it was; what only cannot be synced is there all the same.
    Another file that has its file's name stays. Once it has returned, no power cut takes what was
    written.
    """
    plain = _file_of(schedule.name)
    beside = root / f".{plain}.{os.getpid()}"
    try:
        make_folder(root)  # it is there, but perhaps only since its lock was made
        with beside.open("wb") as stream:
            stream.write(dumps(schedule).encode())
            stream.flush()
            sync(stream.fileno())
        trashed = None if instead is None else _to_trash(root, instead)
        file = plain
        for number in count(2):
            if not (root / file).exists():
                break
            file = f"{plain.removesuffix(_SUFFIX)}-{number}{_SUFFIX}"
        beside.replace(root / file)
        sync_folder(root)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return file, trashed


def _to_trash(root: Path, entry: Entry) -> Trashed:
    trash = root / _TRASH
    make_folder(trash)
    name = f"{time.time_ns()}-{_file_of(entry.name)}"
    (root / entry.file).replace(trash / name)
    sync_folder(trash)  # before its old name is gone for good
    sync_folder(root)
    return Trashed(entry.name, name)


def _empty_trash(root: Path) -> None:
    """Remove what was put there more than 30 days ago."""
    oldest = time.time_ns() - KEPT_FOR * 1e9
    for path in _files(root / _TRASH):
        moment = path.name.partition("-")[0]
        if moment.isdecimal() and int(moment) < oldest:
            with suppress(OSError):
                path.unlink()
