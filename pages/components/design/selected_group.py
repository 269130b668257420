"""The selected group: its name, its parts, and moves and merges across its borders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import streamlit as st

from core.models import regroup
from core.models.layer_table import LayerTable
from core.models.module_tree import Tree, TreePart
from core.schedule.document import MAX_NAME
from core.schedule.paths import prefixes
from core.schedule.spec import Schedule
from pages.components.shared import frame, session
from pages.components.shared.fields import bound
from pages.components.shared.state import current

_MAX_PATH_CHARACTERS = 26
_FEW_PARTS, _PARTS_HEIGHT = 8, 260
Cut = tuple[tuple[str, ...], ...]
"""The module paths of every group: how the model is cut."""

Verb = Callable[[Schedule, str], Schedule]
"""An edit of the group of that name."""


def selected_place() -> int | None:
    """Return where the selected group stands, from the input; None if there is none."""
    names = [group.name for group in session.schedule().groups]
    name = current().design.selected_group
    return names.index(name) if name in names else None


def select_group(name: str | None) -> None:
    """Open the group of that name, or close the one that is open."""
    current().design.selected_group = name


def selected_group(place: int, table: LayerTable) -> None:
    """Draw what can be done with the group at that place (from the input)."""
    tree, groups = Tree(table), session.schedule().groups
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
    name = session.schedule().groups[place].name
    rename = partial(_rename, _cut(), place)
    st.text_input("Name", max_chars=MAX_NAME, **bound("group-name", name, rename))


def _rename(cut: Cut, place: int, name: str) -> None:
    if _cut() != cut:
        return
    selected = session.selected()
    before = session.schedule().groups[place].name
    _edit(cut, place, place, lambda s, g: regroup.rename_group(s, g, name))
    after = session.schedule().groups[place].name
    if selected is not None and selected[0] == before:
        current().design.selected_window = (after, selected[1])


def _border(
    shown: Sequence[TreePart],
    place: int,
    neighbour: str,
    table: LayerTable,
    towards: Literal["input", "output"],
) -> None:
    """Draw the buttons that move a part across a border, or merge the group with its neighbour."""
    up = towards == "output"
    part = shown[-1 if up else 0].path
    with st.container(horizontal=True, gap="xsmall", key=f"group-border-{towards}"):
        if len(shown) > 1:
            st.button(
                f"Move {_short(part)} {'up' if up else 'down'}",
                icon=f":material/{'arrow_upward' if up else 'arrow_downward'}:",
                key=f"group-move-{towards}",
                on_click=_edit,
                args=(
                    _cut(),
                    place,
                    place,
                    lambda s, g: regroup.move_part(s, table, g, part, towards),
                ),
            )
        st.button(
            f"Merge with {frame.escape_markdown(neighbour)}",
            key=f"group-merge-{towards}",
            on_click=_edit,
            args=(
                _cut(),
                place,
                place if up else place - 1,
                lambda s, g: _merge(s, g, table, up=up),
            ),
        )


def _parts(
    tree: Tree, own: Sequence[str], shown: Sequence[TreePart], place: int, table: LayerTable
) -> None:
    found = {part.path: part for part in reversed(shown)}
    chosen = current().design.selected_part
    if chosen not in found:
        chosen = shown[-1].path
    with st.container(height=_PARTS_HEIGHT if len(found) > _FEW_PARTS else "content", border=False):
        st.radio(
            "Parts",
            list(found),
            format_func=lambda path: f"{_short(path)} :small[{found[path].parameters:,}]",
            width="stretch",
            **bound("group-part", chosen, _choose_part),
        )
    around = next((path for path in reversed(prefixes(chosen)) if _may_close(path, own)), None)
    with st.container(horizontal=True, gap="xsmall", key="group-part-actions"):
        st.button(
            "Split below",
            icon=":material/horizontal_split:",
            key="group-split",
            disabled=chosen == shown[0].path,
            on_click=_edit,
            args=(_cut(), place, place + 1, lambda s, g: regroup.split_group(s, table, g, chosen)),
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
    current().design.selected_part = path


def _opened(tree: Tree, paths: Sequence[str]) -> list[str]:
    """Return the paths with each opened part replaced by its children; an only part is open."""
    shown: list[str] = []
    for path in paths:
        wanted = len(paths) == 1 or path in current().design.opened_parts
        children = tree.children(path) if wanted else ()
        shown += _opened(tree, children) if children else [path]
    return shown


def _may_close(path: str, own: Sequence[str]) -> bool:
    inside = not set(own).isdisjoint(prefixes(path))
    return inside and path in current().design.opened_parts and tuple(own) != (path,)


def _open(path: str, children: Sequence[str]) -> None:
    view = current().design
    view.opened_parts |= {path}
    _choose_part(children[-1])


def _close(path: str) -> None:
    view = current().design
    view.opened_parts -= {path}
    _choose_part(path)


def _merge(schedule: Schedule, group: str, table: LayerTable, *, up: bool) -> Schedule:
    names = [each.name for each in schedule.groups]
    place = names.index(group) - (not up)
    return regroup.merge_groups(schedule, table, *names[place : place + 2])


def _edit(cut: Cut, place: int, then: int, verb: Verb) -> None:
    """Apply a verb to the group at a place; the group at `then` is selected if that was done.

    A place, not a name: a new name and a click may come in one message. Nothing is done where the
    model is no longer cut as it was when the control was drawn, as after a second click.
    """
    before = session.schedule()
    if _cut() != cut:
        return
    session.edit(verb, before.groups[place].name)
    if session.schedule() != before:
        select_group(session.schedule().groups[then].name)


def _short(path: str) -> str:
    cut = path if len(path) <= _MAX_PATH_CHARACTERS else f"…{path[-_MAX_PATH_CHARACTERS:]}"
    return frame.escape_markdown(cut)


def _cut() -> Cut:
    return tuple(group.modules for group in session.schedule().groups)
