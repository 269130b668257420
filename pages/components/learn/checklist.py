"""The checklist at the end of the lesson: items to tick off, some checked in the schedule."""

from __future__ import annotations

from html import escape

import streamlit as st

from pages.components.learn import checks, visit
from pages.components.learn.language import Language
from pages.components.learn.texts import STEPS, Text
from pages.components.shared import frame, session
from pages.components.shared.state import current


def draw(text: Text, language: Language) -> None:
    """Draw the list, for the schedule that the session has."""
    (lead,) = text.sections
    with frame.card("lesson-lead", lead.heading):
        st.markdown(lead.body)
    count = language.word(
        "checks.done", done=str(len(current().learn.ticked)), count=str(len(checks.ITEMS))
    )
    with frame.card("lesson-items", language.word("checks.title"), count):
        schedule = session.schedule()
        note = language.word("checks.live-note", name=schedule.name, model=schedule.model.name)
        lead_in = escape(language.word("checks.live"))
        st.html(f'<p class="thaw-said">{lead_in}: <b>{escape(note)}</b></p>')
        for item, step in checks.ITEMS.items():
            _item(item, step, language)


def _item(item: str, step: str, language: Language) -> None:
    key = f"lesson-tick-{item}"
    st.session_state[key] = item in current().learn.ticked
    with st.container(
        horizontal=True, vertical_alignment="top", gap="small", key=f"lesson-item-{item}"
    ):
        with st.container(gap=None):
            st.checkbox(
                language.word(f"items.{item}"),
                key=key,
                on_change=lambda: visit.tick(item, done=st.session_state[key]),
            )
            found = checks.check_item(item, session.schedule(), session.table(), language)
            if found is not None:
                mark = "yes" if found.good else "no"
                st.html(f'<p class="thaw-lesson-live thaw-lesson-{mark}">{escape(found.text)}</p>')
        st.button(
            language.word("checks.step", number=str(STEPS.index(step) + 1)),
            key=f"lesson-to-{item}",
            type="tertiary",
            on_click=visit.turn_to,
            args=(step,),
        )
