"""Live runs on every page: a pill in the header with progress and time left, and both in words."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import streamlit as st

from core.errors import InputError
from core.runs import event_log
from core.runs.description import describe, documents
from core.runs.events import Step
from core.runs.forecast import duration, remaining
from core.runs.processes import launch
from core.runs.processes.in_turn import QueuedRun
from core.runs.progress import RunProgress, extended
from core.runs.status import Status
from pages.components.shared import visible_runs
from pages.components.shared.plain_text import escape_markdown
from pages.components.shared.runs_in_turn import runs_in_turn
from pages.components.shared.state import current

_POLL_SECONDS = 2.0
_QUIET_POLL_SECONDS = 10.0
"""How soon a run shows that another tab or the command line has started."""
_State = tuple[Mapping[Path, Status], QueuedRun | None, tuple[QueuedRun, ...]]


def live_run_pill() -> None:
    """Draw the newest live run as a link to it; draw the page anew when runs or queue change."""
    state = _state()
    mine = current().run
    mine.followed = {run: known for run, known in mine.followed.items() if run in state[0]}
    every = _POLL_SECONDS if any(state) else _QUIET_POLL_SECONDS
    with st.container(key="live-run"):  # always there, so that the page is not made anew
        st.fragment(run_every=every)(_pill)(state, iter([state]))


def _state() -> _State:
    """Return the live runs, and the queue's run in progress and those that wait."""
    live: Mapping[Path, Status] = {}
    with suppress(InputError):  # a home folder that is none, which the Run page reports
        live = visible_runs.live(launch.runs_folder())
    turn = runs_in_turn()
    return live, turn.begun, turn.waiting


def progress_words(run: Path, status: Status) -> str:
    """Return how far a live run is, as in `43%, 1 min 53 s left`."""
    return _words(status, *_progress(run))


def _words(status: Status, done: float, left: float | None) -> str:
    if status != "running":
        return status
    return f"{done:.0%}" if left is None else f"{done:.0%}, {duration(left)} left"


def _progress(run: Path) -> tuple[float, float | None]:
    """Return the share of a run that is done, and the seconds that are left, if they are known."""
    with suppress(InputError, OSError):  # it may be gone by now
        epochs, progress = documents(run)[0].epochs, _follow(run)
        return progress.share(epochs), remaining(progress, epochs, time.time())
    return 0.0, None


def _pill(before: _State, known: Iterator[_State]) -> None:
    """Draw the pill; look for what has changed, but not in the page's own run, which just has."""
    live, *_ = before
    now = next(known, None) or _state()
    if now != before:
        _tell_ended([run for run in live if run not in now[0]])
        st.rerun()
    if not live:
        return
    run, status = next(iter(live.items()))
    done, left = _progress(run)
    words = escape_markdown(_words(status, done, left).capitalize())
    more = f" · {len(live) - 1} more" if len(live) > 1 else ""
    st.html(f"<style>.st-key-live-run {{ --done: {done:.1%}; }}</style>")
    st.page_link(
        current().pages["run"],
        label=f"**{words}**{more} {escape_markdown(describe(run).name)}",
        icon=":material/radio_button_checked:",
        help="",
        query_params={"run": run.name},
    )


def _tell_ended(runs: list[Path]) -> None:
    """Show a message for each run that has ended, but for the one that the page shows."""
    shown = st.query_params.get("run") if current().page == "run" else None
    for run in runs:
        if run.name == shown:
            continue
        told = describe(run)
        name, line = escape_markdown(told.name), escape_markdown(told.line)
        st.toast(f"**{name}** has ended  \n{line}", duration="long")


def _follow(run: Path) -> RunProgress:
    """Return the progress of a run, reading only what is new, and of its steps the last alone."""
    mine = current().run
    known, offset = mine.followed.get(run, (RunProgress(), 0))
    events, offset = event_log.read_new(run, offset, steps=False)
    last = [event for event in event_log.last(run) if isinstance(event, Step)]
    known = extended(known, (*events, *last))
    mine.followed = {**mine.followed, run: (known, offset)}
    return known
