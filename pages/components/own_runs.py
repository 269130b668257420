"""Which runs a session may see: all of this machine's, or its own in the hosted demo."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.runs import folder
from core.runs.home import is_demo

_KEY = "own-runs"
_STARTED = "started-runs"


def runs(root: Path) -> tuple[Path, ...]:
    """The run folders below `root` that the session may list, the newest first.

    In the demo those that it has started, or opened by their address, which nobody can guess.
    """
    own = st.session_state.get(_KEY, frozenset())
    return tuple(run for run in folder.list_runs(root) if not is_demo() or run.name in own)


def remember(run: str) -> None:
    """Count a run among the session's own."""
    st.session_state[_KEY] = st.session_state.get(_KEY, frozenset()) | {run}


def started() -> list[str]:
    """The runs that the session has started and not shown yet.

    Take the list before a launch and add to it right after: any access to the session's state may
    end the script for a rerun, and a run that is not noted would be started once more.
    """
    found: list[str] = st.session_state.setdefault(_STARTED, [])
    return found


def show_started() -> None:
    """Let the address name the run that was started last, unless that has been done."""
    noted = started()
    if noted:
        st.query_params["run"] = noted[-1]
        noted.clear()
