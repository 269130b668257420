"""The visitor's place in the queue of the hosted demo, and the button that leaves it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.demo import cleanup, limits, queue
from core.demo.limits import LIMITS
from core.demo.queue import QueuePlace
from core.errors import ThawError
from core.runs.processes import launch
from pages.components.shared import frame, session, visible_runs
from pages.components.shared.state import Waiting, current

_POLL_SECONDS = 2.0


def is_waiting() -> bool:
    """Return whether the session has a place in the queue."""
    return current().run.waiting is not None


def join_queue(root: Path) -> None:
    """Queue the present schedule and settings; begin at once if nobody is ahead."""
    cleanup.renew(session.settings().data)
    ticket = queue.join(queue.queue_folder(), limits.visitor_name(st.context.ip_address))
    current().run.waiting = Waiting(ticket, session.schedule(), session.settings())
    _place(root)


def queue_card(root: Path) -> None:
    """Draw the session's place in the queue, if it has one, and show the run when it begins."""
    if is_waiting():
        st.fragment(run_every=_POLL_SECONDS)(_watch)(root)


def _watch(root: Path) -> None:
    place: QueuePlace | None = None
    try:
        place = _place(root)
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


def _place(root: Path) -> QueuePlace | None:
    """Return the session's place; None when its run has begun, or it has none.

    Raises ThawError if the run cannot be started, and gives up the place.
    """
    waiting = current().run.waiting
    if waiting is None:
        return None
    note = current().run.started
    with note.alone:
        try:
            found = waiting.run or _wait(waiting, root)
        except ThawError:
            current().run.waiting = None
            raise
    if isinstance(found, QueuePlace):
        return found
    note.run = found
    visible_runs.remember(found)
    current().run.waiting = None
    return None


def _wait(waiting: Waiting, root: Path) -> str | QueuePlace:
    def begin() -> str:
        waiting.run = launch.start(waiting.schedule, waiting.settings, root)
        return waiting.run

    return queue.wait(queue.queue_folder(), waiting.ticket, root, begin)


def _leave() -> None:
    waiting = current().run.waiting
    with current().run.started.alone:
        if waiting is not None and waiting.run is None:  # a double click comes here twice
            current().run.waiting = None
            queue.leave(queue.queue_folder(), waiting.ticket)
