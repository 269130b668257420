"""The name, note and star of a run: buttons that change them, and the note as text."""

from __future__ import annotations

from functools import partial
from html import escape
from pathlib import Path

import streamlit as st

from core.runs import label
from core.runs.label import MAX_NOTE
from core.schedule.document import MAX_NAME
from pages.components.shared import session, visible_runs
from pages.components.shared.fields import bound


def label_fields(run: Path, schedule: str) -> None:
    """Draw the button behind which a run's name and note are edited; `schedule` is its own name."""
    own = label.read(run)
    with st.popover("Name and note", icon=":material/edit:", key="run-label"):
        st.text_input(
            "Name of this run",
            max_chars=MAX_NAME,
            placeholder=schedule,
            **bound(f"run-name-{run.name}", own.name or "", partial(_take, run, "name")),
        )
        st.text_area(
            "Note",
            max_chars=MAX_NOTE,
            placeholder="What you tried, and what you saw",
            **bound(f"run-note-{run.name}", own.note, partial(_take, run, "note")),
        )


def star_button(run: Path) -> None:
    """Draw the button that marks a run with a star, or takes the star from it."""
    starred = label.read(run).starred
    st.button(
        "★ Starred" if starred else "Star",
        icon=None if starred else ":material/star:",
        key="run-star",
        help="The list of runs can show those with a star alone",
        on_click=_take,
        args=(run, "starred", not starred),
    )


def note_row(run: Path) -> None:
    """Draw the note as text, if there is one."""
    note = label.read(run).note
    if note:
        st.html(f'<p class="thaw-said thaw-run-note">{escape(note)}</p>')


def _take(run: Path, field: str, value: object) -> None:
    if visible_runs.is_own(run.name):
        session.attempt(partial(label.change, run, **{field: value}))
