"""The Runs card: every run on this machine, newest first."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from core.errors import InputError
from core.runs import folder
from pages.components import frame

_FEW = 6
_MARKS = {
    "starting": ":material/pending:",
    "running": ":material/radio_button_checked:",
    "stopping": ":material/pending:",
    "stopped": ":material/stop_circle:",
    "finished": ":material/check:",
    "failed": ":material/error:",
    "interrupted": ":material/warning:",
}


def run_list(root: Path, shown: Path | None) -> None:
    """Draw the card; a click shows that run."""
    runs = folder.list_runs(root)
    with frame.card("runs", "Runs", f"{len(runs)} in all" if runs else ""):
        if not runs:
            st.caption("Nothing has run yet. Start trains the schedule that you have designed.")
            return
        few = runs if st.session_state.get("all-runs") else runs[:_FEW]
        for run in few:
            _row(run, chosen=shown is not None and run.name == shown.name)
        if len(runs) > len(few) and st.button(
            f"Show {len(runs) - len(few)} more", type="tertiary", key="more-runs"
        ):
            st.session_state["all-runs"] = True
            st.rerun()


def _row(run: Path, *, chosen: bool) -> None:
    status = folder.status(run)
    summary = folder.summary(run) or {}
    when = datetime.fromtimestamp((run / folder.SCHEDULE).stat().st_mtime).strftime("%d %b %H:%M")
    accuracy = summary.get("validation_accuracy")
    result = status if accuracy is None else f"{status} · {accuracy:.1%}"
    if st.button(
        f"**{frame.escape_markdown(_name(run))}**  \n:small[{when} · {result}]",
        icon=_MARKS[status],
        key=f"{'chosen' if chosen else 'other'}-run-{run.name}",
        type="tertiary",
        width="stretch",
    ):
        st.query_params["run"] = run.name
        st.rerun()


def _name(run: Path) -> str:
    """The name of the run's schedule, or of its folder if that is damaged."""
    try:
        return folder.read(run)[0].name
    except InputError:
        return run.name
