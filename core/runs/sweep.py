"""What strangers leave in the hosted demo is deleted an hour after its last change."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from core.runs import claim
from core.runs.demo import LIMITS
from core.runs.home import is_demo
from core.runs.settings import BUNDLED_DATA

_MARK = ".swept"
_EVERY = 60.0
"""Seconds between two sweeps, however many pages are drawn."""


def sweep(runs: Path, data: Path) -> None:
    """In the demo, delete old runs and uploads, at most once a minute.

    A run that a living process runs stays, and so does what cannot be deleted.
    """
    mark = runs / _MARK
    if not is_demo() or _age(mark) < _EVERY:
        return
    with suppress(OSError):
        runs.mkdir(parents=True, exist_ok=True)
        mark.touch()
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
