"""The card of the runs that are on while the page shows the next one, with the way to them."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

import streamlit as st

from core.runs.description import describe
from core.runs.status import Status
from pages.components.shared import frame


def live_runs_card(live: Mapping[Path, Status]) -> None:
    """Draw a row per run that is on; nothing where none is. `run_list` sees when one changes."""
    if not live:
        return
    with frame.card("going"):
        for run, status in live.items():
            description = describe(run)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.html(
                    '<div class="thaw-headline" role="status">'
                    f'<span class="thaw-dot thaw-{status}"></span>'
                    f"<strong>{escape(description.name)}</strong>"
                    f"<span>is {escape(description.state.text)}</span></div>",
                    width="stretch",
                )
                st.button("Show", key=f"show-{run.name}", on_click=_show, args=(run.name,))


def _show(run: str) -> None:
    st.query_params["run"] = run
