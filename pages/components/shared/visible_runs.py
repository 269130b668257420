"""Which runs a session may see: all of this machine's, or its own in the hosted demo."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from core.files.home import is_demo
from core.runs import folder
from core.runs.processes import run_lock
from core.runs.status import Status

LIVE: tuple[Status, ...] = ("starting", "running", "stopping")
"""How a run stands that a process is on with."""
_KEY = "own-runs"
_STARTED = "started-run"
_ONE_CLICK = 2.0
"""Seconds in which a second click on Start is taken for the first one."""


def runs(root: Path) -> tuple[Path, ...]:
    """Return the run folders below `root` that the session may list, the newest first.

    In the demo those that it has started, or opened by their address, which nobody can guess.
    """
    return tuple(run for run in folder.list_runs(root) if is_own(run.name))


def is_own(run: str) -> bool:
    """Return whether the session may see and change the run of that id."""
    return not is_demo() or run in st.session_state.get(_KEY, frozenset())


def live(root: Path) -> dict[Path, Status]:
    """Return those of `runs` that are on, and how each of them stands."""
    found = {run: folder.status(run) for run in runs(root) if run_lock.is_taken(run)}
    return {run: status for run, status in found.items() if status in LIVE}


def remember(run: str) -> None:
    """Count a run among the session's own."""
    st.session_state[_KEY] = st.session_state.get(_KEY, frozenset()) | {run}


@dataclass(slots=True)
class Started:
    """The run that the session has started last, and until when the address must name it.

    Streamlit answers a second click in a thread of its own, while the first one's goes on to its
    next access of the session's state, where it ends. So whoever launches holds `alone`, and notes
    the run before letting go of it. `until` is in monotonic seconds.
    """

    run: str | None = None
    until: float = math.inf
    alone: Any = field(default_factory=threading.RLock)


def started() -> Started:
    """Return where the session notes what it starts."""
    found: Started = st.session_state.setdefault(_STARTED, Started())
    return found


def show_started() -> None:
    """Let the address name the run that was started, unless it names one already.

    A click that was made before the browser knew of it brings an address without it.
    """
    note, now = started(), time.monotonic()
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
    st.session_state[_STARTED] = Started()
    st.query_params.pop("run", None)
