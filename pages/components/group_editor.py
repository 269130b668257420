"""The Groups card: how the model is cut into groups, head on top as in the timeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import streamlit as st

from core.design import regroup
from core.design.layers import LayerTable, count, prefixes
from core.design.parts import Part, Tree
from core.design.spec import Group, Schedule
from pages.components import frame, state
from pages.components.fields import fresh_key, is_stale
from pages.components.palette import group_colours

_LONGEST_PATH = 26
Verb = Callable[[Schedule, str], Schedule]
"""An edit of the group of that name."""


def groups_button() -> None:
    """The toolbar's button, which shows and hides the card."""
    if state.table() is not None:
        st.button("Groups", icon=":material/stacks:", key="groups", on_click=_toggle)


def is_shown() -> bool:
    """Whether the card is wanted."""
    return bool(st.session_state.get("groups-shown"))


def group_editor() -> None:
    """Draw the card, if it is wanted and the model has a layer table."""
    table = state.table()
    if table is None or not is_shown():
        return
    schedule = state.schedule()
    in_hand = _place(st.session_state.get("group-in-hand"))
    held = f"{len(schedule.groups)} groups, {table.parameters:,} parameters"
    with frame.card("groups", "Groups", held):
        _how_fine(table)
        st.html(f"<style>{_swatches(len(schedule.groups))}</style>")
        with st.container(gap=None, key="group-rows"):
            for place in reversed(range(len(schedule.groups))):
                _row(schedule.groups[place], place, table, in_hand=place == in_hand)
                if place == in_hand:
                    _body(schedule, place, table)
        _own_scales(schedule)


def _toggle() -> None:
    st.session_state["groups-shown"] = not is_shown()


def _place(name: str | None) -> int | None:
    names = [group.name for group in state.schedule().groups]
    return names.index(name) if name in names else None


def _how_fine(table: LayerTable) -> None:
    sizes = {grouping.name: len(grouping.groups) for grouping in table.groupings}
    key = fresh_key("how-fine", regroup.chosen_grouping(state.schedule(), table))
    st.segmented_control(
        "How fine",
        list(sizes),
        key=key,
        format_func=lambda name: f"{name.capitalize()} {sizes[name]}",
        on_change=_choose,
        args=(key, table),
    )


def _choose(key: str, table: LayerTable) -> None:
    name = st.session_state[key]
    if name is not None and not is_stale(key):
        state.edit(regroup.choose_grouping, table, name)


def _swatches(n: int) -> str:
    return " ".join(
        f".st-key-group-{place} button::before{{background:light-dark({light},{dark})}}"
        for place, (light, dark) in enumerate(group_colours(n))
    )


def _row(group: Group, place: int, table: LayerTable, *, in_hand: bool) -> None:
    elements = count(table, group.modules)
    share = elements / table.parameters
    shown = "<0.1%" if 0 < share < 0.001 else f"{share:.1%}"
    st.button(
        f"**{frame.escape_markdown(group.name)}** :small[{elements:,}] :small[{shown}]",
        icon=f":material/{'expand_less' if in_hand else 'expand_more'}:",
        icon_position="right",
        key=f"group-{place}",
        type="tertiary",
        width="stretch",
        on_click=_take_in_hand,
        args=(None if in_hand else group.name,),
    )


def _take_in_hand(name: str | None) -> None:
    st.session_state["group-in-hand"] = name


def _body(schedule: Schedule, place: int, table: LayerTable) -> None:
    tree, groups = Tree(table), schedule.groups
    own = tree.tidy(groups[place].modules)
    shown = tree.parts(_opened(tree, own))
    with st.container(key="group-body", gap="xsmall"):
        _name(place)
        if place + 1 < len(groups):
            _border(shown, place, groups[place + 1].name, table, "output")
        with st.container(key="group-parts", gap="xsmall"):
            _parts(tree, own, shown, place, table)
        if place > 0:
            _border(shown, place, groups[place - 1].name, table, "input")


def _name(place: int) -> None:
    key = fresh_key("group-name", state.schedule().groups[place].name)
    st.text_input("Name", key=key, max_chars=80, on_change=_rename, args=(place, key))


def _rename(place: int, key: str) -> None:
    if is_stale(key):
        return
    selected = state.selected()
    before = state.schedule().groups[place].name
    name = st.session_state[key]
    _edit(place, place, lambda s, g: regroup.rename_group(s, g, name))
    after = state.schedule().groups[place].name
    if selected is not None and selected[0] == before:
        st.session_state["selected"] = (after, selected[1])


def _border(
    shown: Sequence[Part],
    place: int,
    neighbour: str,
    table: LayerTable,
    towards: Literal["input", "output"],
) -> None:
    """What can be done across one of the group's borders; its only part can only merge."""
    up = towards == "output"
    part = shown[-1 if up else 0].path
    with st.container(horizontal=True, gap="xsmall", key=f"group-border-{towards}"):
        if len(shown) > 1:
            st.button(
                f"Move {_short(part)} {'up' if up else 'down'}",
                icon=f":material/{'arrow_upward' if up else 'arrow_downward'}:",
                key=f"group-move-{towards}",
                on_click=_edit,
                args=(place, place, lambda s, g: regroup.move_part(s, table, g, part, towards)),
            )
        st.button(
            f"Merge with {frame.escape_markdown(neighbour)}",
            key=f"group-merge-{towards}",
            on_click=_edit,
            args=(place, place if up else place - 1, lambda s, g: _merge(s, g, table, up=up)),
        )


def _parts(
    tree: Tree, own: Sequence[str], shown: Sequence[Part], place: int, table: LayerTable
) -> None:
    found = {part.path: part for part in reversed(shown)}
    chosen = st.session_state.get("part-in-hand")
    if chosen not in found:
        chosen = shown[-1].path
    key = fresh_key("group-part", chosen)
    st.radio(
        "Parts",
        list(found),
        key=key,
        format_func=lambda path: f"{_short(path)} :small[{found[path].parameters:,}]",
        on_change=lambda: _choose_part(st.session_state[key]),
        width="stretch",
    )
    around = next((path for path in reversed(prefixes(chosen)) if _may_close(path, own)), None)
    with st.container(horizontal=True, gap="xsmall", key="group-part-actions"):
        st.button(
            "Split below",
            icon=":material/horizontal_split:",
            key="group-split",
            disabled=chosen == shown[0].path,
            on_click=_edit,
            args=(place, place + 1, lambda s, g: regroup.split_group(s, table, g, chosen)),
        )
        st.button(
            "Open",
            icon=":material/unfold_more:",
            key="group-open",
            disabled=not found[chosen].opens,
            on_click=_open,
            args=(chosen, tree.children(chosen)),
        )
        if around is not None:
            st.button(
                f"Close {_short(around)}",
                icon=":material/unfold_less:",
                key="group-close",
                on_click=_close,
                args=(around,),
            )


def _choose_part(path: str) -> None:
    st.session_state["part-in-hand"] = path


def _opened(tree: Tree, paths: Sequence[str]) -> list[str]:
    """The paths, with what is opened replaced by its children; a group's only part is open."""
    shown: list[str] = []
    for path in paths:
        wanted = len(paths) == 1 or path in _opened_paths()
        children = tree.children(path) if wanted else ()
        shown += _opened(tree, children) if children else [path]
    return shown


def _may_close(path: str, own: Sequence[str]) -> bool:
    inside = not set(own).isdisjoint(prefixes(path))
    return inside and path in _opened_paths() and tuple(own) != (path,)


def _opened_paths() -> frozenset[str]:
    found: frozenset[str] = st.session_state.get("opened-parts", frozenset())
    return found


def _open(path: str, children: Sequence[str]) -> None:
    st.session_state["opened-parts"] = _opened_paths() | {path}
    _choose_part(children[-1])


def _close(path: str) -> None:
    st.session_state["opened-parts"] = _opened_paths() - {path}
    _choose_part(path)


def _merge(schedule: Schedule, group: str, table: LayerTable, *, up: bool) -> Schedule:
    names = [each.name for each in schedule.groups]
    place = names.index(group) - (not up)
    return regroup.merge_groups(schedule, table, *names[place : place + 2])


def _edit(place: int, then: int, verb: Verb) -> None:
    """Apply a verb to the group at a place; the group at `then` is in hand if that was done.

    A place, not a name: a new name and a click may come in one message.
    """
    before = state.schedule()
    if place < len(before.groups):
        state.edit(verb, before.groups[place].name)
    if state.schedule() != before:
        _take_in_hand(state.schedule().groups[then].name)


def _own_scales(schedule: Schedule) -> None:
    own = sum(group.lr_scale is not None for group in schedule.groups[:-1])
    if own:
        groups = (
            "1 group has an LR scale of its"
            if own == 1
            else f"{own} groups have LR scales of their"
        )
        st.caption(f"{groups} own, since a new cut keeps every rate.")
        st.button(
            "Spread the rates evenly",
            key="group-spread",
            help="Removes these scales, and sets the decay per group so that the deepest group "
            "keeps its rate.",
            on_click=lambda: state.edit(regroup.spread_rates),
        )


def _short(path: str) -> str:
    cut = path if len(path) <= _LONGEST_PATH else f"…{path[-_LONGEST_PATH:]}"
    return frame.escape_markdown(cut)
