"""The card of the limitations of an export, shown before it is downloaded."""

from __future__ import annotations

from html import escape

import streamlit as st

from core.errors import InputError
from core.export.export_result import Exported
from pages.components.shared import frame

TITLE = "What this target cannot express"
REFUSED = "Why there is no file"


def limitations_card(exported: Exported | InputError) -> None:
    """Draw the card: each limitation with its field and what happens instead, and what is kept."""
    if isinstance(exported, InputError):
        with frame.card("limitations", REFUSED):
            lines = [
                _item(problem.field, f"{problem.field} {problem.wrong}", "Way out", problem.way_out)
                for problem in exported.problems
            ]
            st.html(f'<ul class="thaw-limitations">{"".join(lines)}</ul>')
        return
    with frame.card("limitations", TITLE, str(len(exported.limitations))):
        lines = [
            _item(each.field, each.cannot, "Instead", each.instead) for each in exported.limitations
        ]
        if not lines:
            st.caption("Nothing: the export holds all of the schedule.")
        kept = (
            f'<li class="thaw-kept">Kept: {escape(exported.preserved)}.</li>'
            if exported.preserved
            else ""
        )
        st.html(f'<ul class="thaw-limitations">{"".join(lines)}{kept}</ul>')


def _item(field: str, cannot: str, word: str, instead: str) -> str:
    return (
        f"<li><code>{escape(field)}</code><p>{escape(cannot)}.</p>"
        f"<p><b>{word}</b> {escape(instead)}.</p></li>"
    )
