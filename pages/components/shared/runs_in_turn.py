"""The runs that this server starts one after another, for all its sessions."""

from __future__ import annotations

import streamlit as st

from core.runs.processes.in_turn import RunsInTurn
from core.schedule.words import counted
from pages.components.shared.plain_text import escape_markdown


@st.cache_resource
def runs_in_turn() -> RunsInTurn:
    """Return the server's queue of runs."""
    return RunsInTurn()


def progress_row() -> bool:
    """Say what of the queue runs and waits, or why it was dropped; return whether it has any runs.

    A button cancels what waits. The header's poll draws the page anew when any of that changes.
    """
    turn = runs_in_turn()
    waiting = len(turn.waiting)
    parts = ["1 run in progress"] if turn.begun else []
    if waiting:
        parts.append(f"{counted(waiting, 'run')} wait{'s' if waiting == 1 else ''}")
    if not parts and turn.refusal is None:
        return False
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if turn.refusal is not None:
            why = escape_markdown(f"A run could not be started: {turn.refusal}")
            st.warning(why, icon=":material/warning:")
        else:
            st.html(
                f'<p class="thaw-said" role="status">{", and ".join(parts)}. '
                "The results show as they come.</p>",
                width="stretch",
            )
        if waiting or turn.refusal is not None:
            label = "Cancel what waits" if waiting else "Dismiss"
            st.button(label, key="cancel-waiting", on_click=turn.cancel)
    return bool(parts)
