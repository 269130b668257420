"""The Runs card: every run on this machine, newest first; and the card of those that are on."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

import streamlit as st

from core.files import usage
from core.runs import run_folder
from core.runs.description import describe
from core.runs.status import Status
from pages.components.run import deleted_runs
from pages.components.shared import frame, visible_runs
from pages.components.shared.cost_words import size
from pages.components.shared.state import current

_FEW = 6
_POLL_SECONDS = 2.0
_MARKS = {
    "starting": ":material/pending:",
    "running": ":material/radio_button_checked:",
    "stopping": ":material/pending:",
    "stopped": ":material/stop_circle:",
    "finished": ":material/check:",
    "failed": ":material/error:",
    "interrupted": ":material/warning:",
}


def run_list(root: Path, shown: Path | None, live: Mapping[Path, Status]) -> None:
    """Draw the card; a click shows that run. The page is drawn anew when one of `live` changes."""
    runs = visible_runs.runs(root)
    with frame.card("runs", "Runs", f"{len(runs):,} in all" if runs else ""):
        if not runs:
            st.caption("Nothing has run yet. Start trains the schedule that you have designed.")
        few = runs if current().run.shows_all else runs[:_FEW]
        with st.container(key="run-rows", gap="xxsmall"):
            for run in few:
                _row(run, chosen=run == shown)
            if shown is not None:
                frame.mark_chosen(_key(shown))
        if runs:
            st.caption("Accuracy: on the validation images, after the last epoch.")
        if len(runs) > len(few) and st.button(
            f"Show {len(runs) - len(few)} more", type="tertiary", key="more-runs"
        ):
            current().run.shows_all = True
            st.rerun()
        deleted_runs.trash_row(root)
    others = {run: status for run, status in live.items() if run != shown}
    st.fragment(run_every=_POLL_SECONDS if others else None)(_watch)(others)


def live_runs_card(live: Mapping[Path, Status]) -> None:
    """Draw a row per run that is on; nothing where none is. `run_list` sees when one changes."""
    if not live:
        return
    with frame.card("going"):
        for run, status in live.items():
            description = describe(run)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.html(
                    '<div class="thaw-headline" role="status">'
                    f'<span class="thaw-dot thaw-{status}"></span>'
                    f"<strong>{escape(description.name)}</strong>"
                    f"<span>is {escape(description.state.text)}</span></div>",
                    width="stretch",
                )
                st.button("Show", key=f"show-{run.name}", on_click=_show, args=(run.name,))


def _show(run: str) -> None:
    st.query_params["run"] = run


def _watch(live: Mapping[Path, Status]) -> None:
    if any(run_folder.status(run) != status for run, status in live.items()):
        st.rerun()


def _key(run: Path) -> str:
    return f"listed-run-{run.name}"


def _row(run: Path, *, chosen: bool) -> None:
    description = describe(run)
    if not description.when:  # it has been deleted since it was listed
        return
    title, line = frame.escape_markdown(description.name), frame.escape_markdown(description.line)
    mark = "shown · " if chosen else ""
    st.button(
        f"**{title}**  \n:gray[:small[{mark}{line} · {size(usage.disk_use(run))}]]",
        icon=_MARKS[description.state.status],
        help=frame.escape_markdown(description.note) or None,
        key=_key(run),
        type="tertiary",
        width="stretch",
        on_click=_show,
        args=(run.name,),
    )
