"""The toolbar's button that names the preset in use, and the gallery of presets."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import presets
from core.errors import InputError
from core.schedule.spec import Schedule
from pages.components.design.preset_card import card
from pages.components.learn.glossary import tip
from pages.components.shared import frame, session
from pages.components.shared.state import close_dialog, current, show_dialog

_HOW_TO_READ = (
    "A preset is applied to your current model; Undo brings your schedule back. In the pictures "
    "the head is on top; colour shows where a group trains, its height is the rate as a share of "
    "the group's peak, and paler means slower."
)


def preset_in_words() -> str:
    """Return the preset's title, and whether it is edited, as Markdown."""
    origin, used = session.preset_origin(), session.preset_in_use()
    if (name := used or origin) is None:
        return "your own"
    title = f"**{frame.escape_markdown(presets.by_name(name).title)}**"
    return title if used else f"{title} :gray-badge[edited]"


def preset_button(width: int | Literal["stretch"] = 290) -> None:
    """Draw the button that opens the gallery."""
    st.button(
        f":gray[Preset] {preset_in_words()}",
        icon=":material/view_module:",
        key="presets",
        help=tip("preset"),
        width=width,
        on_click=show_dialog,
        args=("presets",),
    )
    if current().dialog == "presets":
        _gallery()


@st.dialog("Presets", width="large", on_dismiss=close_dialog)
def _gallery() -> None:
    if current().dialog != "presets":  # one was chosen
        st.rerun()  # of the whole page, which closes the gallery
    st.html(f'<p class="thaw-said">{_HOW_TO_READ}</p>')
    used = session.preset_in_use()
    with st.container(key="preset-families"):
        for family, heading in presets.FAMILIES.items():
            st.html(f'<h3 class="thaw-heading">{heading}</h3>')
            cells = st.grid(min_column_width=270, gap=12)
            for name in presets.in_order():
                if presets.by_name(name).family == family:
                    _one(cells, name, in_use=name == used)


def _one(cells: DeltaGenerator, name: str, *, in_use: bool) -> None:
    found, schedule = presets.by_name(name), _schedule(name)
    with cells.container(
        border=True,
        height="stretch",
        vertical_alignment="distribute",
        key=f"preset-card-{name}",
    ):
        st.html(card(found, schedule, in_use=in_use, dark=frame.is_dark()))
        st.button(
            f"Use {frame.escape_markdown(found.title)}",
            key=f"use-{name}",
            disabled=in_use or isinstance(schedule, str),
            on_click=_choose,
            args=(name,),
            width="stretch",
        )


def _choose(name: str) -> None:
    session.use_preset(name)
    close_dialog()


def _schedule(name: str) -> Schedule | str:
    """Return the preset's schedule for the model, or why there is none."""
    try:
        return session.preset_for_model(name)
    except InputError as error:
        return str(error)
