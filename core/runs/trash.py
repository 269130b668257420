"""Deleted runs, which can be restored for 30 days, or until the trash is emptied.

runs/.trash/TIME-ID/    a run's folder, with the moment of its deletion in nanoseconds since 1970
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import InputError, quoted
from core.files import trash, usage
from core.files.trash import TrashEntry
from core.runs import run_folder
from core.runs.processes import run_lock

_FIELD = "run"


def delete(root: Path, run_id: str) -> TrashEntry:
    """Move a run's folder into the trash, from which `restore` brings it back.

    Raises InputError for a run that does not exist, that a living process or another machine runs,
    or that cannot be moved.
    """
    folder = run_folder.find_run(root, run_id)
    entry = trash.new_entry(root, run_id)
    _refuse_living(run_id, folder)
    with _as_input_error(run_id, root):
        entry.path.parent.mkdir(exist_ok=True)
        folder.rename(entry.path)
    try:
        _refuse_living(run_id, entry.path)  # it may have been resumed in between
    except InputError:
        entry.path.rename(folder)
        raise
    for old in trash.expired(root):
        if run_folder.is_run_id(old.name):
            _remove(old)
    return entry


def trashed_runs(root: Path) -> tuple[TrashEntry, ...]:
    """Return the runs in the trash, the one deleted last first; all else is passed over."""
    return tuple(each for each in trash.entries(root) if run_folder.is_run_id(each.name))


def restore(root: Path, run_id: str) -> Path:
    """Bring back the run with this id that was deleted last, and return its folder.

    Raises InputError if the trash does not have it, or another run has its id by now.
    """
    last = next((each for each in trashed_runs(root) if each.name == run_id), None)
    if last is None:
        wrong = f"is {quoted(run_id)}, which is not in the trash"
        way_out = "it was restored or removed for good: look at the list of runs"
        raise InputError(_FIELD, wrong, way_out)
    folder = root / run_id
    if os.path.lexists(folder):
        wrong = f"is {run_id!r}, but a run with that id exists"
        raise InputError(_FIELD, wrong, "rename the folder of that run first")
    with _as_input_error(run_id, root):
        return last.path.rename(folder)


def empty(root: Path) -> int:
    """Remove all runs in the trash for good, and return the bytes that this has freed.

    Raises InputError, naming the first run that could not be removed.
    """
    freed = 0
    left = []
    for each in trashed_runs(root):
        size = usage.disk_use(each.path)
        _remove(each)
        if os.path.lexists(each.path):
            left.append(each)
        else:
            freed += size
    if left:
        wrong = f"is {left[0].name!r}, which cannot be removed"
        raise InputError(_FIELD, wrong, f"grant write permission in {left[0].path.parent}")
    return freed


def _refuse_living(run_id: str, folder: Path) -> None:
    run_lock.refuse_elsewhere(folder, _FIELD, run_id)
    if run_lock.is_alive(folder):
        wrong = f"is {run_id!r}, which process {run_lock.noted_pid(folder)} is running"
        raise InputError(_FIELD, wrong, "stop it first")


def _remove(each: TrashEntry) -> None:
    if each.path.is_symlink():
        with suppress(OSError):
            each.path.unlink()
    else:
        shutil.rmtree(each.path, ignore_errors=True)


@contextmanager
def _as_input_error(run_id: str, root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        wrong = f"is {run_id!r}, which cannot be moved ({error.strerror})"
        raise InputError(_FIELD, wrong, f"grant write permission in {root}") from error
