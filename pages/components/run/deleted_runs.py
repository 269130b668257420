"""Deleting runs on the Run page, undoing that, and emptying the trash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.files import usage
from core.files.home import is_demo
from core.files.trash import TrashEntry
from core.runs import trash
from core.runs.description import describe
from core.schedule.words import counted
from pages.components.compare import slots
from pages.components.shared import frame, session, visible_runs
from pages.components.shared.cost_words import size
from pages.components.shared.state import DeletedRun, current

_NAMED = 8


def delete_button(root: Path, run: Path) -> None:
    """Draw the button that deletes an ended run; a demo, whose runs go by themselves, has none."""
    if not is_demo():
        st.button(
            "Delete", icon=":material/delete:", key="delete-run", on_click=_delete, args=(root, run)
        )


def is_deleted(run: Path) -> bool:
    """Return whether this session has deleted the run, and it is not back."""
    return any(run.name == gone.run for gone in current().run.deleted) and not run.exists()


def trash_row(root: Path) -> None:
    """Draw a button that undoes the last deletion, and the trash, which brings back any run."""
    found = () if is_demo() else trash.trashed_runs(root)
    if not found:
        return
    gone = current().run.deleted
    held = size(sum(usage.disk_use(each.path) for each in found))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs-trash"):
        with st.popover(f"Trash: {counted(len(found), 'run')}, {held}", icon=":material/delete:"):
            _trash(root, found)
        if gone:
            st.button(
                "Undo",
                icon=":material/undo:",
                key="undelete-run",
                help=f"Brings back {frame.escape_markdown(gone[-1].name)}",
                on_click=_undo,
                args=(root, gone[-1].run),
            )


def _trash(root: Path, found: Sequence[TrashEntry]) -> None:
    """Draw a row per run in the trash, and the button that empties it."""
    for each in found[:_NAMED]:
        description = describe(each.path)
        # one that cannot be read has its id
        name = description.name if description.when else each.name
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            line = frame.escape_markdown(description.line)
            st.markdown(f"**{frame.escape_markdown(name)}**  \n:gray[:small[{line}]]")
            st.button(
                "Restore",
                key=f"restore-{each.path.name}",
                on_click=_restore,
                args=(root, each.name),
            )
    if len(found) > _NAMED:
        more = f"{len(found) - _NAMED:,} more"
        st.caption(f"And {more}, which `python -m core restore ID` brings back.")
    st.button(
        "Empty the trash",
        icon=":material/delete_forever:",
        key="empty-trash",
        on_click=_empty,
        args=(root,),
        help="Removes them for good. Otherwise they are kept for 30 days.",
    )


def _delete(root: Path, run: Path) -> None:
    if is_deleted(run):  # a double click comes here twice
        return
    description = describe(run)
    if session.attempt(trash.delete, root, run.name, lead=""):
        mine = current().run
        mine.deleted = (*mine.deleted, DeletedRun(run.name, description.name))
        slots.remove_source(f"run:{run.name}")
        name, line = (
            frame.escape_markdown(description.name),
            frame.escape_markdown(description.line),
        )
        st.toast(f"Deleted: **{name}**  \n{line}", icon=":material/delete:", duration="long")
        visible_runs.show_none()


def _undo(root: Path, run: str) -> None:
    """Undo the last deletion; the one before it can be undone next, even if this fails."""
    gone = current().run.deleted
    if gone and gone[-1].run == run:  # a double click comes here twice
        _restore(root, run)


def _restore(root: Path, run: str) -> None:
    mine = current().run
    mine.deleted = tuple(gone for gone in mine.deleted if gone.run != run)
    if (root / run).exists():  # as a double click finds it
        return
    if session.attempt(trash.restore, root, run, lead=""):
        st.query_params["run"] = run


def _empty(root: Path) -> None:
    current().run.deleted = ()
    session.attempt(trash.empty, root, lead="")
