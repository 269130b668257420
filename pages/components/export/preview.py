"""The preview of an export: code with its colours, a picture, a page, or the first rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from typing import Any

import streamlit as st

from core.errors import InputError
from core.export import csv, targets
from core.export.export_result import Exported
from core.schedule.spec import Schedule
from pages.components.export import current_export
from pages.components.export.limitations import REFUSED
from pages.components.shared import frame, session
from pages.components.shared.copy_button import copy_button
from pages.components.shared.downloads import csv_button
from pages.components.shared.rates.chart import DESCRIPTION

_MIME = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
_DOWNLOAD: dict[str, Any] = {"type": "primary", "icon": ":material/download:", "key": "download"}
_HEIGHT = 560
_LINES = 600
"""Lines that a preview shows; the file and what is copied have all."""
_ROWS = 60
_MAX_COPIED = 20_000
"""Rows of the table that are made and sent to the browser before they are asked for: 0.8 MB."""


def preview(name: str, exported: Exported | InputError) -> None:
    """Draw the cards of a target: the file with its download, and how to use it."""
    target = targets.TARGETS[name]
    file = targets.file_name(session.schedule(), target)
    with frame.card("preview"):
        if isinstance(exported, InputError):
            frame.heading(target.title)
            text = f"{target.title} cannot take this schedule. “{REFUSED}” says what to change."
            st.error(text, icon=":material/block:")
            return
        with _head(target.title, file):
            if isinstance(exported.content, str):
                copy_button(exported.content)
            mime = _MIME.get(f".{file.rpartition('.')[2]}", "text/plain")
            st.download_button(
                "Download", exported.content, file, mime, on_click="ignore", **_DOWNLOAD
            )
        _content(target, exported)
    usage_card(name, targets.usage(target, exported, file))


def csv_preview() -> None:
    """Draw the cards of the CSV table; a long one is made only when it is downloaded."""
    schedule, steps = session.schedule(), session.steps_per_epoch()
    target = targets.TARGETS["csv"]
    with frame.card("preview"):
        rows = schedule.epochs * steps * len(schedule.groups)
        with _head(target.title, targets.file_name(schedule, target)):
            if rows <= _MAX_COPIED:
                copy_button(_table(schedule, steps))
            csv_button("Download", **_DOWNLOAD)
        lines = chain.from_iterable(part.splitlines(True) for part in csv.chunks(schedule, steps))
        _code("".join(islice(lines, 1 + _ROWS)), None)
        if rows > _ROWS:
            has_all = "Copy and Download have" if rows <= _MAX_COPIED else "Download has"
            st.caption(f"Shown: the first {_ROWS} of {rows:,} rows. {has_all} all.")
    usage_card("csv", "")


def usage_card(name: str, usage: str) -> None:
    """Draw the card that says how to use the file, and the command that makes it."""
    with frame.card("usage"):
        with frame.heading_row("How to use it"):
            if usage:
                st.space("stretch")
                copy_button(usage, "copy-usage")
        if usage:
            language = targets.TARGETS[name].usage_language
            st.code(usage.rstrip(), language=language)
        st.caption("On the command line, for a schedule's JSON or a preset:")
        st.code(current_export.command(name), language="bash")


@contextmanager
def _head(title: str, file: str) -> Iterator[None]:
    """Draw the row above a preview: title, file name, and the block's content at the right."""
    with frame.heading_row(title):
        st.badge(frame.escape_markdown(file), color="gray")
        st.space("stretch")
        yield


def _content(target: targets.Target, exported: Exported) -> None:
    if isinstance(exported.content, bytes) or target.suffix == ".svg":
        st.image(exported.content, width="stretch", alt=DESCRIPTION)
        return
    if target.suffix == ".html":
        st.iframe(exported.content, height=_HEIGHT)
        return
    lines = exported.content.split("\n")
    shown = "\n".join(lines[:_LINES])
    _code(shown, target.language)
    if len(lines) > _LINES:
        st.caption(
            f"Shown: the first {_LINES} of {len(lines):,} lines. Copy and Download have all."
        )


@lru_cache(maxsize=2)
def _table(schedule: Schedule, steps: int) -> str:
    return csv.text(schedule, steps)


def _code(text: str, language: str | None) -> None:
    st.code(text, language=language, line_numbers=True, height=_HEIGHT)
