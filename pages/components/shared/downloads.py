"""The buttons that download the schedule as JSON, and its rates as CSV."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from core.export import csv
from core.schedule import parse
from core.schedule.file_names import file_name
from pages.components.shared import session
from pages.components.shared.state import current

MAX_ROWS = 500_000
"""21 MB, which the server holds for as long as the session lasts; made in about a second."""


def json_button(**options: Any) -> None:
    """Draw a button that downloads the schedule as JSON."""
    mine = current()
    st.download_button(
        "Download JSON",
        lambda: parse.dumps(mine.schedule),  # which may be newer than this button
        file_name(mine.schedule.name, ".json"),
        "application/json",
        key="download-json",
        icon=":material/download:",
        on_click="ignore",
        **options,
    )


def csv_button(label: str, by: Literal["epoch", "step"] = "step", **options: Any) -> None:
    """Draw a button that downloads the rates as CSV, by step or by epoch (its first step).

    Beyond half a million rows it is off, and its help names the command to use.
    """
    mine = current()
    schedule = mine.schedule
    steps = session.steps_per_epoch() if by == "step" else 1
    rows = schedule.epochs * steps * len(schedule.groups)
    command = f"python -m core curves FILE --steps-per-epoch {steps}"
    st.download_button(
        label,
        lambda: csv.text(mine.schedule, steps),  # which may be newer than this button
        file_name(schedule.name, ".csv" if by == "step" else "-by-epoch.csv"),
        "text/csv",
        on_click="ignore",
        disabled=rows > MAX_ROWS,
        help=f"The table has {rows:,} rows: write it with `{command}`."
        if rows > MAX_ROWS
        else f"Every {by} of every group: step, epoch, group, lr, trainable",
        **options,
    )
