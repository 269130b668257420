"""The list of export targets by category, with the number of limitations of each."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from core.errors import InputError
from core.export.targets import TARGETS, Target
from core.schedule.words import counted
from pages.components.export import current_export
from pages.components.shared import frame
from pages.components.shared.state import current


def target_list() -> str:
    """Draw the card, and return the name of the chosen target."""
    chosen = current().export_target
    with frame.card("targets", "Take it to", f"{len(TARGETS)} targets"):
        by_category = groupby(sorted(TARGETS.items(), key=_category), key=_category)
        for _, found in by_category:
            listed = list(found)
            st.html(f'<h3 class="thaw-category">{listed[0][1].category}</h3>')
            with st.container(key=f"category-{listed[0][0]}", gap=None):
                for name, target in listed:
                    _row(name, target, chosen=name == chosen)
        frame.mark_chosen(_key(chosen))
    return chosen


def _key(name: str) -> str:
    return f"listed-target-{name}"


def _category(item: tuple[str, Target]) -> int:
    """Return the place of a target's category, in the order of their first targets."""
    categories = list(dict.fromkeys(target.category for target in TARGETS.values()))
    return categories.index(item[1].category)


def _row(name: str, target: Target, *, chosen: bool) -> None:
    mark = ":material/check: " if chosen else ""
    if st.button(
        f"**{target.title}** {mark}{_badge(name)}  \n:gray[:small[{target.about}]]",
        key=_key(name),
        type="tertiary",
        width="stretch",
    ):
        current().export_target = name
        st.rerun()


def _badge(name: str) -> str:
    """Return a badge with the number of the target's limitations."""
    found = current_export.limitations(name)
    if isinstance(found, InputError):
        return ":red-badge[refused]"
    return f":gray-badge[{counted(len(found), 'limit')}]" if found else ":green-badge[exact]"
