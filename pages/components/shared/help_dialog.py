"""The note of the first visit, and the dialog of keys, gestures and terms behind "?"."""

from __future__ import annotations

from html import escape

import streamlit as st

from pages.components.learn import glossary, visit
from pages.components.learn.language import LANGUAGES
from pages.components.shared.state import close_dialog, current, show_dialog


def welcome() -> None:
    """Draw what Thaw is and what to do first; welcome.js shows it on a first visit alone."""
    language = visit.language()
    what, do = (escape(language.word(f"help.{key}")) for key in ("what", "do"))
    st.html(f'<p class="thaw-welcome" lang="{language.code}">{what} <b>{do}</b></p>')


def help_button() -> None:
    """Draw the button that opens the dialog, in the page's header."""
    tip = "Keys, gestures and words (?)"
    st.button(
        "Help",
        icon=":material/help:",
        type="tertiary",
        key="help",
        help=tip,
        on_click=show_dialog,
        args=("help",),
    )
    if current().dialog == "help":
        _dialog()


@st.dialog("Keys, gestures and words", width="large", on_dismiss=close_dialog)
def _dialog() -> None:
    code = st.segmented_control(
        "Language",
        list(LANGUAGES),
        default=visit.language().code,
        required=True,
        format_func=lambda code: LANGUAGES[code].name,
        key="help-speaks",
        label_visibility="collapsed",
    )
    language = LANGUAGES[code]
    with st.container(key="help-gestures"):
        st.markdown(glossary.gestures(language))
    words = escape(language.word("help.words"))
    st.html(
        f'<section lang="{code}"><h3 class="thaw-heading">{words}</h3>'
        f"{glossary.term_list(language)}</section>"
    )
