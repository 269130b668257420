"""The cleanup of the hosted demo: runs and uploads are deleted an hour after their last change."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from core.data.bundled import BUNDLED_DATA
from core.demo.limits import LIMITS
from core.files.home import is_demo
from core.runs.processes import run_lock

_EVERY = 60.0  # seconds


class CleanupThread:
    """A thread that cleans up at once, and then every minute until its end."""

    def __init__(self, runs: Path, data: Path) -> None:
        self._runs, self._data = runs, data
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cleanup", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread, after a cleanup that is in progress."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            delete_expired(self._runs, self._data)
            self._ended.wait(_EVERY)


def delete_expired(runs: Path, data: Path) -> None:
    """In the demo, delete expired runs and uploads.

    Runs in progress stay, and so does what cannot be deleted.
    """
    if not is_demo():
        return
    for run in _expired(runs):
        if not run_lock.is_alive(run):
            shutil.rmtree(run, ignore_errors=True)
    for session in _folders(data):
        for upload in _expired(session):
            shutil.rmtree(upload, ignore_errors=True)
        with suppress(OSError):  # unless another upload is in it
            session.rmdir()


def renew(data: str) -> None:
    """In the demo, let the hour of an upload start again, since a run needs it now."""
    if is_demo() and data != BUNDLED_DATA:
        with suppress(OSError):
            Path(data).touch()


def _expired(parent: Path) -> list[Path]:
    """Return the folders in `parent` whose last change is longer ago than `LIMITS.lifetime`."""
    return [each for each in _folders(parent) if _last_change(each) > LIMITS.lifetime]


def _folders(parent: Path) -> list[Path]:
    with suppress(OSError):
        return [each for each in parent.iterdir() if each.is_dir() and not each.is_symlink()]
    return []


def _last_change(folder: Path) -> float:
    """Return the seconds since the last change of a folder, or of a file or folder in it."""
    with suppress(OSError):
        return min(map(_age, (folder, *folder.iterdir())))
    return 0.0


def _age(path: Path) -> float:
    with suppress(OSError):
        return max(0.0, time.time() - path.stat().st_mtime)
    return float("inf")
