"""The Library card: the person's own schedules, to compare, open, rename, duplicate and delete."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import streamlit as st

from core import library
from core.files.home import is_demo
from core.library import BrokenFile, SavedSchedule
from core.schedule.document import MAX_NAME
from pages.components.compare import slots
from pages.components.shared import frame, library_session, session
from pages.components.shared.fields import bound
from pages.components.shared.state import current

_FEW = 8


def library_card() -> None:
    """Draw the card, or say why there is no library; nothing is drawn in the hosted demo."""
    if _no_library():
        return
    entries, broken = library_session.contents()
    with frame.card("library", "Library", f"{len(entries)} saved" if entries else ""):
        if not entries and not broken:
            st.caption(
                "Your own schedules, kept on this machine. “Save to library” is on the Design "
                "page under File."
            )
        shown = entries if current().library.shows_all else entries[:_FEW]
        with st.container(key="library-rows", gap=None):
            for place, entry in enumerate(shown):
                _row(place, entry)
        if len(shown) < len(entries):
            st.button(
                f"Show {len(entries) - len(shown)} more",
                type="tertiary",
                key="more-entries",
                on_click=_show_all,
            )
        for each in broken:
            _broken(each)
        _undo()


def _show_all() -> None:
    current().library.shows_all = True


def _no_library() -> bool:
    """Return whether there is no library, and say why unless this is the hosted demo."""
    error = library_session.no_home()
    if error is not None and not is_demo():
        st.caption(frame.escape_markdown(f"There is no library. {error}"))
    return library_session.folder() is None


def _undo() -> None:
    last = library_session.trashed()
    if last is None:
        return
    trashed, what = last
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="library-undo"
    ):
        st.markdown(f"{what.capitalize()}: **{frame.escape_markdown(trashed.name)}**")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="library-bring-back",
            on_click=library_session.bring_back,
        )


def _row(place: int, entry: SavedSchedule) -> None:
    selected = current().library.selected_file == entry.file
    saved = datetime.fromtimestamp(entry.saved).strftime("%d %b %H:%M")
    label = f"**{frame.escape_markdown(entry.name)}** :gray[:small[{saved}]]"
    frame.fold_row(label, f"entry-{place}", _select, entry.file, is_open=selected)
    if selected:
        _body(entry)


def _body(entry: SavedSchedule) -> None:
    with st.container(key="library-body", gap="xsmall"):
        rename = partial(_rename, entry.file)
        st.text_input("Name", max_chars=MAX_NAME, **bound("entry-name", entry.name, rename))
        with st.container(horizontal=True, gap="xsmall"):
            _action("Compare", "entry-compare", _compare, entry)
            if st.button("Open in Design", key="entry-open"):
                session.open_schedule(lambda: entry.schedule)
                frame.go("design")
            _action("Duplicate", "entry-duplicate", _duplicate, entry)
            _action("Delete", "entry-delete", _delete, entry)


def _action(label: str, key: str, act: Callable[[str], None], entry: SavedSchedule) -> None:
    st.button(label, key=key, on_click=act, args=(entry.file,))


def _select(file: str | None) -> None:
    current().library.selected_file = file


def _compare(file: str) -> None:
    slots.put(f"library:{file}")


def _rename(file: str, name: str) -> None:
    renamed = library_session.change(library.rename, file, name)
    if renamed is not None:
        slots.rename_source(f"library:{file}", f"library:{renamed}")
        _select(renamed)


def _duplicate(file: str) -> None:
    copy = library_session.change(library.duplicate, file)
    if copy is not None:
        _select(copy)


def _delete(file: str) -> None:
    trashed = library_session.change(library.delete, file)
    if trashed is not None:
        library_session.remember(trashed, "deleted")
        slots.remove_source(f"library:{file}")
        _select(None)


def _broken(each: BrokenFile) -> None:
    name, reason = frame.escape_markdown(each.file), frame.escape_markdown(each.reason)
    st.caption(f"⚠ **{name}** is not a schedule: {reason}")


def library_menu() -> None:
    """Draw what the File menu has of it: save the present schedule, and open another one."""
    if _no_library():
        return
    entries = library_session.entries()
    schedule = session.schedule()
    same = next((e for e in entries if e.name == schedule.name), None)
    button = partial(st.button, width="stretch")
    if same is None:
        icon = ":material/bookmark_add:"
        button("Save to library", icon=icon, key="library-save", on_click=_save)
    elif same.schedule == schedule:
        icon = ":material/bookmark_added:"
        button("Saved in the library", icon=icon, key="library-saved", disabled=True)
    else:
        button(
            "Replace the one in the library",
            icon=":material/bookmark:",
            key="library-replace",
            on_click=_save,
            kwargs={"replace": True},
            help="The library has another schedule with this name. Give this one another name to "
            "keep both; the replaced one can be restored on the Compare page.",
        )
    if entries:
        _open_menu(entries)


def _open_menu(entries: tuple[SavedSchedule, ...]) -> None:
    names = {entry.file: entry.name for entry in entries}
    key = f"library-open-{current().library.opened}"
    st.selectbox(
        "Open from the library",
        list(names),
        index=None,
        key=key,
        format_func=names.__getitem__,
        placeholder="Open…",
        on_change=_open,
        args=(key,),
    )


def _open(key: str) -> None:
    file = st.session_state[key]
    # A new key empties the box, so that the same one can be opened again.
    current().library.opened += 1
    root = library_session.folder()
    if file is not None and root is not None:
        session.attempt(session.open_schedule, lambda: library.load(root, file).schedule)


def _save(*, replace: bool = False) -> None:
    saved = library_session.change(library.save, session.schedule(), replace=replace)
    if saved is not None:
        library_session.remember(saved[1], "replaced")
