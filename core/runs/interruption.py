"""Why a run was interrupted, as far as its folder and the machine can tell."""

from __future__ import annotations

from pathlib import Path

from core.files import usage
from core.runs.processes import run_lock


def elsewhere(folder: Path) -> str:
    """Return which other machine runs the folder, and the way out; empty if none does."""
    host = run_lock.elsewhere(folder)
    if host is None:
        return ""
    return (
        f"It runs on {host}, another machine or container, as far as its folder tells. If that "
        f"machine is gone, delete {folder / run_lock.PID} and resume."
    )


def reason(folder: Path) -> str:
    """A sentence or two: what has ended the run's process without a word, and what to change."""
    if usage.is_full(folder):
        return "The disk is full, so the run could not continue. Free some space."
    if run_lock.is_of_another_boot(folder):
        return "The machine was restarted during the run."
    return (
        "Its process is gone, perhaps killed by the system because memory ran out. A smaller batch "
        "or image size needs less memory."
    )
