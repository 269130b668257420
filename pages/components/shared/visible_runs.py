"""The runs that a session may see: all of this machine's, or its own in the hosted demo."""

from __future__ import annotations

import math
import time
from pathlib import Path

import streamlit as st

from core.files.home import is_demo
from core.runs import run_folder
from core.runs.processes import run_lock
from core.runs.status import LIVE, Status
from pages.components.shared.state import StartedRun, current

_ONE_CLICK = 2.0
"""Seconds in which a second click on Start is taken for the first one."""


def runs(root: Path) -> tuple[Path, ...]:
    """Return the run folders below `root` that the session may list, the newest first.

    In the demo those that it has started, or opened by their address, which nobody can guess.
    """
    return tuple(run for run in run_folder.list_runs(root) if is_own(run.name))


def is_own(run: str) -> bool:
    """Return whether the session may see and change the run of that id."""
    return not is_demo() or run in current().run.own


def live(root: Path) -> dict[Path, Status]:
    """Return those of `runs` that are on, and how each of them stands."""
    found = {run: run_folder.status(run) for run in runs(root) if run_lock.is_taken(run)}
    return {run: status for run, status in found.items() if status in LIVE}


def remember(run: str) -> None:
    """Count a run among the session's own."""
    mine = current().run
    mine.own |= {run}


def show_started() -> None:
    """Let the address name the run that was started, unless it names one already.

    A click that was made before the browser knew of it brings an address without it.
    """
    note, now = current().run.started, time.monotonic()
    if note.run is None:
        return
    if now > note.until:
        note.run, note.until = None, math.inf
        return
    if "run" not in st.query_params:
        st.query_params["run"] = note.run
    note.until = min(note.until, now + _ONE_CLICK)


def show_none() -> None:
    """Let the address name no run."""
    current().run.started = StartedRun()
    st.query_params.pop("run", None)
