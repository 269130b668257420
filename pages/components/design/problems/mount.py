"""The list of problems as a Streamlit component: fixes, their undo, and the reasons in a dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import streamlit as st

from core.checks import Problem
from core.checks.why import why
from pages.components.design.problems.data import items, key, sentence, summary
from pages.components.shared import frame, session
from pages.components.shared.state import FixDone, close_dialog, current, show_dialog

_HERE = Path(__file__).parent
_KEY = "problem-list"


def problem_list(problems: Sequence[Problem]) -> None:
    """Draw the card; a fix is applied at once and can be undone."""
    view = current().design
    known = {key(problem): problem for problem in problems}
    with frame.card("problems"):
        with st.container(key="problems-head"):
            frame.heading("Problems", summary(problems))
        _component()(
            key=_KEY,
            data={
                "items": items(problems),
                "done": _done(),
                "revision": current().revision,
                "ack": view.problem_events,
            },
            on_fix_change=_callback("fix", lambda value: _fix(known, value)),
            on_undo_change=_callback("undo", _undo),
            on_why_change=_callback("why", _ask),
        )
    asked = known.get(view.explained_problem or "")
    if current().dialog == "why" and asked is not None:
        st.dialog(asked.code, on_dismiss=close_dialog)(_why)(asked)


def _callback(event: str, take: Callable[[Mapping[str, Any]], None]) -> Callable[[], None]:
    """Return a callback that passes an event on, unless the schedule is another one by now."""

    def call() -> None:
        value = cast("Mapping[str, Any]", st.session_state.get(_KEY) or {}).get(event)
        if not isinstance(value, Mapping):
            return
        # Each event is answered, so that the list is drawn again even if nothing has changed.
        current().design.problem_events += 1
        if value.get("revision") == current().revision:
            take(value)
            session.redraw()

    return call


def _fix(known: Mapping[str, Problem], value: Mapping[str, Any]) -> None:
    problem = known.get(str(value.get("key")))
    if problem is None or problem.fix is None:
        return
    mended = problem.fix.schedule
    session.edit(lambda _: mended)
    place = list(known).index(key(problem))
    current().design.fix_done = FixDone(problem.fix.label, place, current().revision)


def _undo(value: Mapping[str, Any]) -> None:
    if _done() is not None:
        session.undo()


def _ask(value: Mapping[str, Any]) -> None:
    current().design.explained_problem = str(value.get("key"))
    show_dialog("why")


def _done() -> dict[str, Any] | None:
    """Return the last fix and where its problem stood, as long as nothing has changed since."""
    done = current().design.fix_done
    if done is None or done.revision != current().revision:
        return None
    return {"label": done.label, "place": done.place}


def _why(problem: Problem) -> None:
    st.markdown(f"**{frame.escape_markdown(sentence(problem))}.**")
    st.markdown(why(problem.code))
    way_out = frame.escape_markdown(problem.way_out)
    st.markdown(f"**What to do:** {way_out}{'' if way_out.endswith('?') else '.'}")


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_problem_list",
        js=(_HERE / "problem_list.js").read_text(encoding="utf-8"),
        css=(_HERE / "problem_list.css").read_text(encoding="utf-8"),
    )
