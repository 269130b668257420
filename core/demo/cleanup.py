"""What strangers leave in the hosted demo is deleted an hour after its last change."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from core.data.bundled import BUNDLED_DATA
from core.demo.limits import LIMITS
from core.files.home import is_demo
from core.runs.processes import claim

_EVERY = 60.0  # seconds


class Sweeper:
    """Sweeps at once and then every minute, in a thread of its own, until its end."""

    def __init__(self, runs: Path, data: Path, every: float = _EVERY) -> None:
        self._runs, self._data, self._every = runs, data, every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="sweeper", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let no sweep begin any more, and wait for one that is on."""
        self._ended.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._ended.is_set():
            sweep(self._runs, self._data)
            self._ended.wait(self._every)


def sweep(runs: Path, data: Path) -> None:
    """In the demo, delete old runs and uploads.

    A run that a living process runs stays, and so does what cannot be deleted.
    """
    if not is_demo():
        return
    for run in _old(runs):
        if claim.process(run) is None:
            shutil.rmtree(run, ignore_errors=True)
    for session in _folders(data):
        for upload in _old(session):
            shutil.rmtree(upload, ignore_errors=True)
        with suppress(OSError):  # unless another upload is in it
            session.rmdir()


def keep(data: str) -> None:
    """In the demo, let an upload's hour begin anew, since a run needs it now."""
    if is_demo() and data != BUNDLED_DATA:
        with suppress(OSError):
            Path(data).touch()


def _old(parent: Path) -> list[Path]:
    """The folders in `parent` of which nothing was changed for as long as things are kept."""
    return [each for each in _folders(parent) if _last_change(each) > LIMITS.kept]


def _folders(parent: Path) -> list[Path]:
    with suppress(OSError):
        return [each for each in parent.iterdir() if each.is_dir() and not each.is_symlink()]
    return []


def _last_change(folder: Path) -> float:
    """Seconds since the last change of a folder, or of what lies right in it."""
    with suppress(OSError):
        return min(map(_age, (folder, *folder.iterdir())))
    return 0.0


def _age(path: Path) -> float:
    with suppress(OSError):
        return max(0.0, time.time() - path.stat().st_mtime)
    return float("inf")
