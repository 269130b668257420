"""The queue of the hosted demo as a visitor sees it: a place, and a way out of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.demo import cleanup, limits, queue
from core.demo.limits import LIMITS
from core.demo.queue import QueuePlace
from core.errors import ThawError
from core.runs.processes import launch
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from pages.components.shared import frame, session, visible_runs

_LOOK_SECONDS = 2.0
_KEY = "waiting"


@dataclass(slots=True)
class _Waiting:
    """What a visitor wants to run, as it was when they pressed Start, and the `run` once it is on.

    It is noted here since any access to the session's state may end the script for a rerun.
    """

    ticket: str
    schedule: Schedule
    settings: RunSettings
    run: str | None = None


def is_waiting() -> bool:
    """Return whether the session has a place in the queue."""
    return _KEY in st.session_state


def stand_in_line(root: Path) -> None:
    """Take a place for the schedule and settings of now; where nobody is ahead, begin at once."""
    cleanup.renew(session.settings().data)
    ticket = queue.join(queue.root(), limits.visitor(st.context.ip_address))
    st.session_state[_KEY] = _Waiting(ticket, session.schedule(), session.settings())
    _look(root)


def queue_card(root: Path) -> None:
    """Draw the place in the queue while there is one; when its turn has come, show the run."""
    if is_waiting():
        st.fragment(run_every=_LOOK_SECONDS)(_watch)(root)


def _watch(root: Path) -> None:
    place: QueuePlace | None = None
    try:
        place = _look(root)
    except ThawError as error:
        session.notice(str(error))
    if place is None:
        st.rerun()
    else:
        _card(place)


def _card(place: QueuePlace) -> None:
    minutes = (place.ahead + 1) * LIMITS.seconds / 60
    with frame.card("queue", "In the queue", f"{place.waiting} waiting"):
        ahead = f"{place.ahead} ahead of you, and" if place.ahead else "You are next:"
        st.html(
            f'<p class="thaw-said" role="status">You are number <b>{place.ahead + 1}</b>. '
            f"{ahead} one run is in progress. Yours starts automatically, in about {minutes:g} "
            "minutes at most, and later on a busy machine. Stay on this page; if you leave, the "
            "others go first.</p>"
        )
        st.button("Cancel", icon=":material/close:", key="leave-queue", on_click=_leave)


def _look(root: Path) -> QueuePlace | None:
    """Return the session's place; None when its run has begun, or it has none.

    Raises what `launch.start` raises; the place is gone then.
    """
    waiting: _Waiting | None = st.session_state.get(_KEY)
    if waiting is None:
        return None
    note = visible_runs.started()
    with note.alone:
        try:
            found = waiting.run or _wait(waiting, root)
        except ThawError:
            st.session_state.pop(_KEY, None)
            raise
    if isinstance(found, QueuePlace):
        return found
    note.run = found
    visible_runs.remember(found)
    st.session_state.pop(_KEY, None)
    return None


def _wait(waiting: _Waiting, root: Path) -> str | QueuePlace:
    def begin() -> str:
        waiting.run = launch.start(waiting.schedule, waiting.settings, root)
        return waiting.run

    return queue.wait(queue.root(), waiting.ticket, root, begin)


def _leave() -> None:
    waiting: _Waiting | None = st.session_state.get(_KEY)
    with visible_runs.started().alone:
        if waiting is not None and waiting.run is None:  # a double click comes here twice
            st.session_state.pop(_KEY, None)
            queue.leave(queue.root(), waiting.ticket)
