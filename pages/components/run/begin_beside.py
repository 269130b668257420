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
from pages.components.shared.state import current


def begin_beside(
    live: Mapping[Path, Status], begin: Callable[[], object], verb: str, *, clicked: bool
) -> None:
    """Carry out a click that begins a run; if others are `live` on this machine, ask first.

    `verb` is what the click is called. A demo, which has a queue, asks nothing.
    """
    others = {} if is_demo() else {r: s for r, s in live.items() if not run_lock.other_host(r)}
    mine = current().run
    if clicked and not others:
        _begin(begin)
    mine.asks_first = bool(others) and (clicked or mine.asks_first)
    if mine.asks_first:
        _dialog(others, begin, verb)


@st.dialog("Another run is live", on_dismiss=lambda: _forget())
def _dialog(others: Mapping[Path, Status], begin: Callable[[], object], verb: str) -> None:
    for run, status in others.items():
        name = frame.escape_markdown(describe(run).name)
        st.markdown(f"**{name}**: {frame.escape_markdown(progress_words(run, status))}")
    st.markdown(
        "Two runs share this machine's processors and memory: both take longer, and the times that "
        "they measure say less about either."
    )
    with st.container(horizontal=True):
        if st.button(f"{verb} anyway", type="primary", key="begin-anyway"):
            _forget()
            _begin(begin)
        if st.button("Cancel", key="begin-not"):
            _forget()
            st.rerun()


def _begin(begin: Callable[[], object]) -> None:
    session.attempt(begin, lead="")
    st.rerun()


def _forget() -> None:
    current().run.asks_first = False
