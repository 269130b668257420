"""The exact numbers: every group's rate as a table, by epoch or by step, and as CSV."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from core.schedule import curves, plan, words
from core.schedule.spec import Schedule
from pages.components.shared import session
from pages.components.shared.downloads import csv_button
from pages.components.shared.state import close_dialog, current, show_dialog

By = Literal["epoch", "step"]

MAX_ROWS = 10_000
_DIGITS = 10
_CAPTIONS = {
    "epoch": "The rate at the first step of each epoch",
    "step": "The rate of every optimizer step",
}


def table_button() -> None:
    """Draw the button that opens the table in a dialog."""
    st.button("Table", key="show-table", on_click=show_dialog, args=("rates",))
    if current().dialog == "rates":
        _dialog()


@st.dialog("Learning rate per group", width="large", on_dismiss=close_dialog)
def _dialog() -> None:
    """Show the table, and switch it between epochs and steps."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        by: By = st.segmented_control(
            "Rows",
            ("epoch", "step"),
            default="epoch",
            required=True,
            key="table-by",
            label_visibility="collapsed",
            format_func=lambda unit: f"by {unit}",
        )
        st.space("stretch")
        csv_button("CSV", by, key="table-csv")
    schedule, steps = session.schedule(), session.steps_per_epoch()
    count = schedule.epochs * (steps if by == "step" else 1)
    more = f"; the first {MAX_ROWS:,} of {count:,}, the CSV has all" if count > MAX_ROWS else ""
    st.caption(f"{_CAPTIONS[by]}, or frozen{more}.")
    names = {str(at): st.column_config.Column(g.name) for at, g in enumerate(schedule.groups)}
    st.dataframe(exact_table(schedule, steps, by), hide_index=True, column_config=names)


def exact_table(schedule: Schedule, steps_per_epoch: int, by: By) -> pd.DataFrame:
    """Return a row per epoch or step, at most the first 10,000, and a column per group, head first.

    A group's column is called by its place in the schedule, from "0": its name may be any text.
    Ten digits of the rate, of an epoch's first step where the rows are epochs; "frozen" where the
    group does not train.
    """
    every = steps_per_epoch if by == "epoch" else 1
    steps = np.arange(0, schedule.epochs * steps_per_epoch, every)[:MAX_ROWS]
    epochs = steps // steps_per_epoch
    columns: dict[str, object] = {"epoch": epochs} if by == "epoch" else {"step": steps}
    if by == "step":
        columns["epoch"] = epochs
    by_group = zip(
        schedule.groups, curves.rates_of_steps(schedule, steps, steps_per_epoch), strict=True
    )
    for place, (group, rates) in reversed(list(enumerate(by_group))):
        trains = [plan.trains_in(group, epoch) for epoch in range(schedule.epochs)]
        columns[str(place)] = [
            words.rate(rate, _DIGITS) if trains[epoch] else "frozen"
            for epoch, rate in zip(epochs.tolist(), rates.tolist(), strict=True)
        ]
    return pd.DataFrame(columns)
