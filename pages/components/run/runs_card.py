"""The Runs card: every run on this machine, newest first; and the card of those that are on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

import streamlit as st

from core.files import usage
from core.runs import listing
from core.runs.description import describe
from core.runs.forecast import duration
from core.runs.status import Status
from pages.components.run import deleted_runs
from pages.components.shared import frame, runs_in_turn, visible_runs
from pages.components.shared.cost_words import size
from pages.components.shared.state import current

_FEW = 6
_MARKS = {
    "starting": ":material/pending:",
    "running": ":material/radio_button_checked:",
    "stopping": ":material/pending:",
    "stopped": ":material/stop_circle:",
    "finished": ":material/check:",
    "failed": ":material/error:",
    "interrupted": ":material/warning:",
}


def run_list(root: Path, shown: Path | None, *, folded: bool = False) -> None:
    """Draw the card; a click shows that run. `folded` makes it one line until it is opened."""
    runs = visible_runs.runs(root)
    with _card(f"{len(runs):,} in all" if runs else "", folded=folded):
        if not runs:
            st.caption("Nothing has run yet. Start trains the schedule that you have designed.")
        found = _choice(runs) if len(runs) > 1 else runs
        few = found if current().run.shows_all else found[:_FEW]
        with st.container(key="run-rows", gap="xxsmall"):
            for run in few:
                _row(run, chosen=run == shown)
            if shown is not None:
                frame.mark_chosen(_key(shown))
        if runs:
            st.caption("Accuracy: on the validation images, after the last epoch.")
        if len(found) > len(few) and st.button(
            f"Show {len(found) - len(few)} more", type="tertiary", key="more-runs"
        ):
            current().run.shows_all = True
            st.rerun()
        deleted_runs.trash_row(root)


def _choice(runs: Sequence[Path]) -> Sequence[Path]:
    """Draw what filters and sorts the list, and return the runs that are left, in that order."""
    with st.container(key="runs-choice", gap="xsmall"):
        words = st.text_input(
            "Filter runs",
            placeholder="Filter by name, note, data, status …",
            label_visibility="collapsed",
            key="runs-words",
            persist_state="session",
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            order = st.selectbox(
                "Sort runs",
                listing.ORDERS,
                format_func=str.capitalize,
                label_visibility="collapsed",
                key="runs-order",
                persist_state="session",
                width=190,
            )
            starred = st.checkbox("★ only", key="runs-starred", persist_state="session")
        found = listing.filtered_runs(runs, words, starred=starred, order=order)
        if not found:
            st.caption("No run has all of that.")
    return found


@contextmanager
def _card(count: str, *, folded: bool) -> Iterator[None]:
    if not folded:
        with frame.card("runs", "Runs", count):
            yield
        return
    with (
        frame.card("runs"),
        st.expander(
            f"**Runs** {count}",
            key="runs-fold",
            type="compact",
            expanded=bool(current().run.deleted),
        ),
    ):
        yield


def live_runs_card(live: Mapping[Path, Status]) -> None:
    """Draw a row per run that is on; nothing where none is. The header sees when one changes."""
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


def waiting_card() -> None:
    """Draw what waits for its turn, or why it does not any more; nothing where nothing does."""
    turn = runs_in_turn.runs_in_turn()
    if turn.waiting or turn.refusal:
        with frame.card("waiting"):
            runs_in_turn.progress_row()


def _show(run: str) -> None:
    st.query_params["run"] = run


def _key(run: Path) -> str:
    return f"listed-run-{run.name}"


def _row(run: Path, *, chosen: bool) -> None:
    description = describe(run)
    if not description.when:  # it has been deleted since it was listed
        return
    title, line = frame.escape_markdown(description.name), frame.escape_markdown(description.line)
    mark, star = "shown · " * chosen, "★ " * description.starred
    seconds = description.state.seconds
    took = "" if seconds is None else f" · {duration(seconds)}"
    st.button(
        f"{star}**{title}**  \n:gray[:small[{mark}{line}{took} · {size(usage.disk_use(run))}]]",
        icon=_MARKS[description.state.status],
        help=frame.escape_markdown(description.note) or None,
        key=_key(run),
        type="tertiary",
        width="stretch",
        on_click=_show,
        args=(run.name,),
    )
