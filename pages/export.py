"""The Export page: take the schedule elsewhere, and see first what is lost on the way."""

from __future__ import annotations

import streamlit as st

from core.export import csv
from core.export.export_result import ExportSource
from core.export.targets import TARGETS
from core.schedule import parse
from pages.components.export import current_export
from pages.components.export.cited_run import run_choice
from pages.components.export.limitations import limitations_card
from pages.components.export.preview import csv_preview, preview
from pages.components.export.targets_card import target_list
from pages.components.shared import frame, session
from pages.components.shared.copy_button import copy_button
from pages.components.shared.downloads import json_button
from pages.components.shared.share_link import opens_where, show_link

_HEIGHT = 220


def page() -> None:
    """Draw the page."""
    frame.show_notice()
    schedule = session.schedule()
    with frame.title_row(schedule):
        json_button()
    listed, middle, aside = st.columns([292, 628, 336], gap="small")
    with listed:
        name = target_list()
    if name == "csv":
        with middle:
            csv_preview()
        with aside:
            limitations_card(csv.without_rows(ExportSource(schedule, session.steps_per_epoch())))
    else:
        exported = current_export.exported(name)
        with middle:
            if TARGETS[name].cites_run:
                run_choice()
            preview(name, exported)
        with aside:
            limitations_card(exported)
    with aside:
        _link()
        _json()


def _link() -> None:
    with frame.card("link", "Share link"):
        show_link(session.schedule())
        st.caption(
            "The whole schedule is in the link. Opening it shows this design and never starts a "
            f"run. {opens_where()}"
        )


def _json() -> None:
    text = parse.dumps(session.schedule())
    with frame.card("json"):
        with frame.heading_row("The schedule as JSON"):
            st.space("stretch")
            copy_button(text, "copy-json")
        size = f"{len(text.encode()) / 1000:,.1f} kB"
        st.caption(f"{size}, read by the Design page, the command line and every run.")
        st.code(text, language="json", height=_HEIGHT)


if __name__ == "__main__":
    import app

    app.main()
