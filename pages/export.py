"""The Export page: take the schedule home as JSON, as a table, or as a link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from core.design import parse
from core.design.spec import Schedule
from core.export import csv
from pages.components import frame, state
from pages.components.links import file_name, link_of

_LONGEST_PREVIEW = 60


@dataclass(frozen=True, slots=True)
class Target:
    """A way to take the schedule elsewhere: how to make the text, and what it cannot say."""

    title: str
    about: str
    suffix: str
    mime: str
    language: str | None
    text: Callable[[Schedule], str]
    losses: tuple[str, ...]


_TARGETS = {
    "json": Target(
        "Schedule as JSON",
        "read by the Design page, the command line and every run",
        ".json",
        "application/json",
        "json",
        parse.dumps,
        (),
    ),
    "csv": Target(
        "Rates as CSV",
        "step, epoch, group, lr, trainable",
        ".csv",
        "text/csv",
        None,
        lambda schedule: csv.text(schedule, state.steps_per_epoch()),
        (
            "A table of numbers: Thaw cannot open it again.",
            "Its steps are those of the data and batch size on the Run page.",
        ),
    ),
}


def page() -> None:
    """Draw the page."""
    frame.show_notice()
    with frame.title_row(state.schedule()):
        pass
    targets, preview, aside = st.columns([292, 628, 336], gap="small")
    with targets, frame.card("targets", "Take it to", f"{len(_TARGETS)} targets"):
        name = st.radio(
            "Target",
            tuple(_TARGETS),
            format_func=lambda name: _TARGETS[name].title,
            captions=[target.about for target in _TARGETS.values()],
            label_visibility="collapsed",
            key="target",
        )
    with preview:
        _preview(_TARGETS[name])
    with aside:
        _losses(_TARGETS[name])
        _link()


def _preview(target: Target) -> None:
    schedule = state.schedule()
    text = target.text(schedule)
    lines = text.splitlines()
    name = file_name(schedule, target.suffix)
    with frame.card("preview"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(f'<h2 class="thaw-heading">{name}</h2>', width="content")
            st.space("stretch")
            st.download_button(
                "Download",
                text,
                name,
                target.mime,
                key="download",
                type="primary",
                icon=":material/download:",
                on_click="ignore",
            )
        shown = "\n".join(lines[:_LONGEST_PREVIEW])
        st.code(shown, language=target.language, line_numbers=True, wrap_lines=True)
        if len(lines) > _LONGEST_PREVIEW:
            st.caption(f"The first {_LONGEST_PREVIEW} of {len(lines):,} lines; the file has all.")


def _losses(target: Target) -> None:
    with frame.card("losses", "What this target cannot express", str(len(target.losses))):
        if not target.losses:
            st.caption("Nothing is lost: the file is the schedule.")
        for loss in target.losses:
            st.markdown(f"- {loss}")


def _link() -> None:
    address = link_of(state.schedule())
    with frame.card("link", "Share link", f"{len(address)} characters"):
        st.code(address, language=None, wrap_lines=True)
        st.caption(
            "The whole schedule is in the link. Opening it shows this design on any machine; "
            "it never starts a run."
        )


if __name__ == "__main__":
    import app

    app.main()
