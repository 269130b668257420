"""The designer's top row: name, model, preset, undo and redo, files, the link, and Run."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.checks import Problem
from core.schedule import edits
from core.schedule.document import MAX_NAME
from pages.components.design import opening
from pages.components.design.group_editor import groups_button
from pages.components.design.model_picker import model_box, model_reading
from pages.components.design.model_weights import weights_choice, weights_menu
from pages.components.design.preset_gallery import preset_button, preset_in_words
from pages.components.shared import frame, session
from pages.components.shared.downloads import json_button
from pages.components.shared.fields import bound, refusals
from pages.components.shared.library_card import library_menu
from pages.components.shared.share_link import opens_where, show_link
from pages.components.shared.state import current

_FILE, _SHARE, _MORE = "file-menu", "share-menu", "more-menu"
"""The popovers that are drawn anew as they open, since a drag does not draw what is in them."""
_RECIPE = "recipe"


def toolbar(errors: Sequence[Problem], *, narrow: bool) -> None:
    """Draw the row and carry out what is done in it; a `narrow` one is two rows, with menus.

    Run is off where there are errors, and while a field of the schedule shows a refused number.
    """
    off = [*(problem.message for problem in errors), *refusals(of_schedule=True)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="toolbar"):
        _name()
        if narrow:
            _run(off)
            _recipe()
            _undo_and_redo()
            _more()
        else:
            model_box()
            weights_menu()
            groups_button()
            preset_button()
            _undo_and_redo()
            _files()
            _share()
            _run(off)
    model_reading()
    frame.why_off(off[0] if off else None)


def has_open_menu() -> bool:
    """Return whether a menu is open whose contents are those of the whole schedule."""
    return any(st.session_state.get(key) for key in (_FILE, _SHARE, _MORE))


def _recipe() -> None:
    """Draw the menu of the model, its weights and groups, and the preset."""
    model = frame.escape_markdown(session.schedule().model.name.rsplit("/", 1)[-1])
    label = f"**{model}** :gray[{preset_in_words()}]"
    with st.popover(label, key=_RECIPE, width="stretch", on_change="rerun"):
        model_box("stretch")
        weights_choice()
        with st.container(horizontal=True, gap="small"):
            groups_button(_RECIPE)
            preset_button("stretch")


def _more() -> None:
    """Draw the menu of all that is under File and Share on a wide page."""
    with st.popover(
        "File and share", icon=":material/more_vert:", key=_MORE, on_change="rerun"
    ) as menu:
        _file_menu()
        st.divider()
        _share_menu(is_open=bool(menu.open))


def _run(off: Sequence[str]) -> None:
    if st.button(
        "Run",
        type="primary",
        icon=":material/play_arrow:",
        key="to-run",
        disabled=bool(off),
        help=frame.escape_markdown(off[0]) if off else None,
    ):
        frame.go("run")


def _name() -> None:
    st.text_input(
        "Name",
        label_visibility="collapsed",
        width=190,
        max_chars=MAX_NAME,
        **bound("name", session.schedule().name, _rename),
    )


def _rename(name: str) -> None:
    session.edit(edits.set_field, "name", name.strip())


def _undo_and_redo() -> None:
    history = current().history
    for name, keys, may, step in (
        ("undo", "Ctrl+Z", history.can_undo, session.undo),
        ("redo", "Ctrl+Shift+Z", history.can_redo, session.redo),
    ):
        tip = f"{name.capitalize()} ({keys})"
        icon = f":material/{name}:"
        st.button("", icon=icon, key=name, help=tip, disabled=not may, on_click=step)


def _files() -> None:
    with st.popover("File", icon=":material/description:", key=_FILE, on_change="rerun"):
        _file_menu()


def _file_menu() -> None:
    json_button(width="stretch")
    # A new key empties the uploader, so that the same file can be opened again.
    key = f"upload-{current().design.opened_files}"
    st.file_uploader(
        "Open a schedule",
        type=opening.TYPES,
        key=key,
        on_change=_open_file,
        args=(key,),
        help="A JSON file that Thaw has written, or a YAML file of finetuning-scheduler, whose "
        "thaws and rates are applied to your current schedule. Undo brings that back.",
    )
    library_menu()


def _open_file(key: str) -> None:
    upload = st.session_state[key]
    current().design.opened_files += 1
    if upload is not None:
        session.attempt(session.open_schedule, opening.schedule_in, upload.name, upload.getvalue())


def _share() -> None:
    with st.popover("Share", icon=":material/link:", key=_SHARE, on_change="rerun") as menu:
        _share_menu(is_open=bool(menu.open))


def _share_menu(*, is_open: bool) -> None:
    st.markdown(
        "The whole schedule is in this link. Opening it never starts a run. "
        f"{frame.escape_markdown(opens_where())}"
    )
    if is_open:
        show_link(session.schedule())
