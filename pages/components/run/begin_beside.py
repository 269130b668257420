"""The question that comes before a run begins beside others on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from core.files.home import is_demo
from core.runs.description import describe
from core.runs.processes import run_lock
from core.runs.status import Status
from pages.components.shared import frame, session
from pages.components.shared.live_run import progress_words
from pages.components.shared.state import close_dialog, current, show_dialog


def begin_beside(
    live: Mapping[Path, Status], begin: Callable[[], object], verb: str, *, clicked: bool
) -> None:
    """Carry out a click that begins a run; if others are `live` on this machine, ask first.

    `verb` is what the click is called. A demo, which has a queue, asks nothing.
    """
    others = {} if is_demo() else {r: s for r, s in live.items() if not run_lock.other_host(r)}
    if clicked and not others:
        _begin(begin)
    if clicked:
        show_dialog("begin")
    if current().dialog == "begin":
        _dialog(others, begin, verb)


@st.dialog("Two runs at once", on_dismiss=close_dialog)
def _dialog(others: Mapping[Path, Status], begin: Callable[[], object], verb: str) -> None:
    for run, status in others.items():
        name = frame.escape_markdown(describe(run).name)
        st.markdown(f"**{name}**: {frame.escape_markdown(progress_words(run, status))}")
    st.markdown(
        "Two runs share this machine's processors and memory: both take longer, and the times that "
        "they measure say less about either."
        if others
        else "The other run has ended by now."
    )
    with st.container(horizontal=True):
        label = f"{verb} anyway" if others else verb
        if st.button(label, type="primary", key="begin-anyway"):
            _begin(begin)
        if st.button("Cancel", key="begin-not"):
            close_dialog()
            st.rerun()


def _begin(begin: Callable[[], object]) -> None:
    close_dialog()
    session.attempt(begin, lead="")
    st.rerun()
