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
    """Draw what the trash holds, and buttons that undo the last deletion and empty the trash."""
    found = () if is_demo() else trash.trashed_runs(root)
    if not found:
        return
    gone = current().run.deleted
    held = size(sum(usage.disk_use(each.path) for each in found))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="runs-trash"):
        st.markdown(f"Trash: {counted(len(found), 'run')}, {held}", help=_named(found))
        if gone:
            st.button(
                "Undo",
                icon=":material/undo:",
                key="undelete-run",
                help=f"Brings back {frame.escape_markdown(gone[-1].name)}",
                on_click=_undo,
                args=(root, gone[-1].run),
            )
        st.button(
            "Empty",
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
    if not gone or gone[-1].run != run:  # a double click comes here twice
        return
    current().run.deleted = gone[:-1]
    if session.attempt(trash.restore, root, run, lead=""):
        st.query_params["run"] = run


def _empty(root: Path) -> None:
    current().run.deleted = ()
    session.attempt(trash.empty, root, lead="")


def _named(found: Sequence[TrashEntry]) -> str:
    """Return the first runs in the trash as a list in Markdown."""
    descriptions = [describe(each.path) for each in found[:_NAMED]]
    lines = [
        f"- **{frame.escape_markdown(each.name)}** {frame.escape_markdown(each.line)}"
        for each in descriptions
    ]
    more = len(found) - len(descriptions)
    return "\n".join([*lines, f"- and {more:,} more"] if more else lines)
