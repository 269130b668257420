"""The runs that this server starts one after another, for all its sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.runs.processes.in_turn import RunsInTurn, Waiting
from core.schedule.words import counted
from pages.components.shared import frame, visible_runs

_POLL_SECONDS = 2.0


@st.cache_resource
def runs_in_turn() -> RunsInTurn:
    """Return the server's waiting runs."""
    return RunsInTurn()


def add(runs: Sequence[Waiting]) -> None:
    """Let runs start one after another; for a button's callback."""
    runs_in_turn().add(runs)


def progress_row(root: Path) -> bool:
    """Say what runs and waits, with a button that cancels the latter; return whether there is any.

    The page is drawn anew whenever that changes.
    """
    turn = runs_in_turn()
    if turn.refusal is not None:
        why = frame.escape_markdown(f"A run could not be started: {turn.refusal}")
        st.warning(why, icon=":material/warning:")
    state = _state(root)
    live, waiting = state
    if not any(state):
        return False
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        after = (
            f", and {counted(waiting, 'run')} wait{'s' if waiting == 1 else ''}" if waiting else ""
        )
        st.html(
            f'<p class="thaw-said" role="status">{counted(live, "run")} in progress{after}. '
            "This page shows the results as they come.</p>",
            width="stretch",
        )
        if waiting:
            st.button("Cancel what waits", key="cancel-waiting", on_click=turn.cancel)
    st.fragment(run_every=_POLL_SECONDS)(_watch)(root, state)
    return True


def _watch(root: Path, before: tuple[int, int]) -> None:
    if _state(root) != before:
        st.rerun()


def _state(root: Path) -> tuple[int, int]:
    """Return how many runs are in progress, and how many wait."""
    return len(visible_runs.live(root)), len(runs_in_turn().waiting)
