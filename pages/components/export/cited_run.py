"""The run that a report cites: none, or a finished one of exactly the session's schedule."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import InputError
from core.runs import run_folder
from core.runs.description import describe
from core.runs.processes import launch
from core.runs.report_facts import ReportFacts, report_facts
from pages.components.shared import frame, session, visible_runs
from pages.components.shared.fields import bound, unique_labels
from pages.components.shared.state import current

_NONE = ""
_RUNS_SEARCHED = 40


def facts() -> ReportFacts:
    """Return the facts of the chosen run; empty where none is chosen, or it can no longer be."""
    run = current().cited_run
    if run is None or not visible_runs.is_own(run):
        return ()
    try:
        return report_facts(run_folder.find_run(launch.runs_folder(), run), session.schedule())
    except InputError:
        return ()


def run_choice() -> None:
    """Draw the selector of the run, or say why there is none to choose."""
    with frame.card("cited-run"):
        try:
            runs = visible_runs.runs(launch.runs_folder())
        except InputError as error:
            why = frame.escape_markdown(f"No run can be cited. {error}")
            st.warning(why, icon=":material/warning:")
            return
        chosen = current().cited_run
        lines = {
            run.name: describe(run)
            for at, run in enumerate(runs)
            if (at < _RUNS_SEARCHED or run.name == chosen) and _is_citable(run)
        }
        titles = unique_labels({run: f"{each.name} · {each.line}" for run, each in lines.items()})
        st.selectbox(
            "Cite the results of a run",
            [_NONE, *titles],
            format_func=lambda run: titles.get(run, "none"),
            disabled=not titles,
            help="Finished runs of exactly this schedule.",
            **bound("cited-run", chosen if chosen in titles else _NONE, _choose),
        )
        if not titles:
            st.caption("There is no finished run of exactly this schedule. Run makes one.")


def _choose(run: str) -> None:
    current().cited_run = run or None


def _is_citable(run: Path) -> bool:
    try:
        return bool(report_facts(run, session.schedule()))
    except InputError:
        return False
