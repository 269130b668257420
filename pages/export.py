"""The Export page: take the schedule home as JSON, as a table, or as a link."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import streamlit as st

from core.design import parse
from core.export import csv
from pages.components import frame, state
from pages.components.downloads import csv_button
from pages.components.links import file_name, show_link

_PREVIEW_ROWS = 60
_LOOK: dict[str, Any] = {"type": "primary", "icon": ":material/download:"}
_CSV_LOSSES = (
    "A table of numbers: Thaw cannot open it again.",
    "Its steps are those of the data and batch size on the Run page.",
)


def page() -> None:
    """Draw the page."""
    frame.show_notice()
    with frame.title_row(state.schedule()):
        pass
    targets, preview, aside = st.columns([292, 628, 336], gap="small")
    with targets, frame.card("targets", "Take it to", "2 targets"):
        target = st.radio(
            "Target",
            ("Schedule as JSON", "Rates as CSV"),
            captions=(
                "read by the Design page, the command line and every run",
                "step, epoch, group, lr, trainable",
            ),
            label_visibility="collapsed",
            key="target",
        )
    with preview, frame.card("preview"):
        if target == "Rates as CSV":
            _csv()
        else:
            _json()
    with aside:
        _losses(_CSV_LOSSES if target == "Rates as CSV" else ())
        _link()


def _json() -> None:
    schedule = state.schedule()
    text, name = parse.dumps(schedule), file_name(schedule, ".json")
    with _preview_head(name):
        st.download_button(
            "Download", text, name, "application/json", key="download", on_click="ignore", **_LOOK
        )
    st.code(text, language="json", line_numbers=True, wrap_lines=True)


def _csv() -> None:
    schedule, steps = state.schedule(), state.steps_per_epoch()
    with _preview_head(file_name(schedule, ".csv")):
        csv_button("Download", key="download", **_LOOK)
    rows = islice(csv.rows(schedule, steps), _PREVIEW_ROWS)
    lines = [",".join(csv.COLUMNS), *(",".join(map(str, row)) for row in rows)]
    st.code("\n".join(lines), language=None, line_numbers=True, wrap_lines=True)
    total = schedule.epochs * steps * len(schedule.groups)
    if total > _PREVIEW_ROWS:
        st.caption(f"The first {_PREVIEW_ROWS} of {total:,} rows; the file has all.")


@contextmanager
def _preview_head(name: str) -> Iterator[None]:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<h2 class="thaw-heading">{name}</h2>', width="content")
        st.space("stretch")
        yield


def _losses(losses: tuple[str, ...]) -> None:
    with frame.card("losses", "What this target cannot express", str(len(losses))):
        if not losses:
            st.caption("Nothing is lost: the file is the schedule.")
        for loss in losses:
            st.markdown(f"- {loss}")


def _link() -> None:
    with frame.card("link", "Share link"):
        show_link(state.schedule())
        st.caption(
            "The whole schedule is in the link. Opening it shows this design on any machine; "
            "it never starts a run."
        )


if __name__ == "__main__":
    import app

    app.main()
