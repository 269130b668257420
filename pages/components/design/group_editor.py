"""The Groups card: the model's layer groups, head on top as in the timeline."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.models import regroup
from core.models.layer_table import LayerTable, count_elements
from core.schedule.spec import Group, Schedule
from core.schedule.words import counted
from pages.components.design.selected_group import select_group, selected_group, selected_place
from pages.components.shared import frame, session
from pages.components.shared.fields import bound
from pages.components.shared.state import current


def groups_button(menu: str | None = None) -> None:
    """Draw the toolbar's button, which shows and hides the card, and closes the menu it is in.

    `menu` is the menu's key: it would lie over the card.
    """
    if session.table() is not None:
        st.button(
            "Hide groups" if current().design.shows_groups else "Groups",
            icon=":material/stacks:",
            key="groups",
            on_click=_toggle,
            args=(menu,),
        )


def group_editor() -> None:
    """Draw the card, if it is wanted and the model has a layer table."""
    table = session.table()
    if table is None or not current().design.shows_groups:
        return
    schedule = session.schedule()
    selected = selected_place()
    held = f"{counted(len(schedule.groups), 'group')}, {table.parameters:,} parameters"
    with frame.card("groups", "Groups", held):
        _how_fine(table)
        tints = frame.group_tints(schedule)
        with st.container(gap=None, key="group-rows"):
            for place, group in reversed(list(enumerate(schedule.groups))):
                _row(group, place, tints[group.name], table, selected=place == selected)
                if place == selected:
                    selected_group(place, table)
        _own_scales(schedule)


def _toggle(menu: str | None) -> None:
    view = current().design
    view.shows_groups = not view.shows_groups
    if menu is not None:
        st.session_state[menu] = False


def _how_fine(table: LayerTable) -> None:
    sizes = {grouping.name: len(grouping.groups) for grouping in table.groupings}
    chosen = regroup.chosen_grouping(session.schedule(), table)
    st.segmented_control(
        "How fine",
        list(sizes),
        format_func=lambda name: f"{name.capitalize()} {sizes[name]}",
        **bound("how-fine", chosen, partial(_choose, table)),
    )


def _choose(table: LayerTable, name: str | None) -> None:
    if name is not None:
        session.edit(regroup.choose_grouping, table, name)


def _row(group: Group, place: int, colour: str, table: LayerTable, *, selected: bool) -> None:
    elements = count_elements(table, group.modules)
    share = elements / table.parameters
    shown = "<0.1%" if 0 < share < 0.001 else f"{share:.1%}"
    label = (
        f':color[\u2002]{{background="{colour}"}} **{frame.escape_markdown(group.name)}** '
        f":gray[:small[{elements:,}]] :gray[:small[{shown}]]"
    )
    frame.fold_row(label, f"group-{place}", select_group, group.name, is_open=selected)


def _own_scales(schedule: Schedule) -> None:
    own = sum(group.lr_scale is not None for group in schedule.groups[:-1])
    if own:
        groups = (
            "1 group has an LR scale of its"
            if own == 1
            else f"{own} groups have LR scales of their"
        )
        st.caption(f"{groups} own, typed here or kept by a new cut.")
        st.button(
            "Spread the rates evenly",
            key="group-spread",
            help="Removes these scales, and sets the decay per group so that the deepest group "
            "keeps its rate.",
            on_click=lambda: session.edit(regroup.spread_rates),
        )
