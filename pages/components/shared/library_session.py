"""The library for the pages: its folder, its contents, and what was deleted last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core import library
from core.errors import InputError
from core.files.home import home
from core.library import BrokenFile, SavedSchedule, TrashedSchedule
from pages.components.shared import frame, session
from pages.components.shared.state import current


def folder() -> Path | None:
    """Return the library's folder; None in the hosted demo, or without a home folder."""
    try:
        return library.library_folder()
    except InputError:
        return None


def no_home() -> InputError | None:
    """Return why Thaw has no folder for what it keeps on this machine; None if it has one."""
    try:
        home()
    except InputError as error:
        return error
    return None


def entries() -> tuple[SavedSchedule, ...]:
    """Return the schedules of the library, the one saved last first."""
    return contents()[0]


def contents() -> tuple[tuple[SavedSchedule, ...], tuple[BrokenFile, ...]]:
    """Return the schedules of the library, and the files that hold none."""
    root = folder()
    return library.read_all(root) if root is not None else ((), ())


def change(verb: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what `verb` returns for the library; None if it is refused, with a notice.

    `verb` takes the library's folder first.
    """
    root = folder()
    if root is None:
        return None
    try:
        return verb(root, *args, **options)
    except InputError as error:
        session.notice(str(error))
        return None


def remember(trashed: TrashedSchedule | None, what: str) -> None:
    """Keep what can be brought back; `what` says what was done with it: "deleted", "replaced"."""
    if trashed is not None:
        mine = current().library
        mine.trashed = (*mine.trashed, (trashed, what))
        name = frame.escape_markdown(trashed.name)
        st.toast(f"{what.capitalize()}: **{name}**. The Library card can bring it back.")


def trashed() -> tuple[TrashedSchedule, str] | None:
    """Return what was deleted or replaced last in this session, and is not brought back."""
    return next(reversed(current().library.trashed), None)


def bring_back() -> None:
    """Undo the last deletion or replacement; the one before it can be undone next.

    Where it cannot be done, it can be tried again.
    """
    last = trashed()
    if last is not None and change(library.restore, last[0]) is not None:
        mine = current().library
        mine.trashed = mine.trashed[:-1]
