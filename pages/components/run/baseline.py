"""The baseline of a finished run: the same model and data, of which the head alone trains."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import presets
from core.compare.verdict import in_words, judge, points
from core.files.home import is_demo
from core.runs.forecast import duration
from core.runs.processes.in_turn import QueuedRun
from core.runs.repeats import repeats
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from pages.components.compare import slots
from pages.components.run.estimate import run_in_turn
from pages.components.shared import frame, runs_in_turn, session, visible_runs
from pages.components.shared.state import current


def baseline_card(
    root: Path, run: Path, schedule: Schedule, settings: RunSettings, seconds: float
) -> None:
    """Draw how much better the run is than its baseline, or a button that runs the baseline.

    `seconds` are those that the run took.
    """
    baseline = presets.head_only(schedule, session.table_of(schedule.model.name, settings.data))
    if is_demo() or baseline.equals_but_for_name(schedule):
        return
    runs = visible_runs.runs(root)
    mine = repeats((run, *runs), schedule, settings)
    found = repeats(runs, baseline, settings)
    with frame.card("baseline", "Against head only"):
        if found and mine:
            own, its = ([trial for _, trial in part.values()] for part in (mine, found))
            verdict = judge(its, own)
            gap = f"{points(verdict.gap)} {'better' if verdict.gap > 0 else 'worse'}"
            st.markdown(
                f"**{gap} than head only**"
                if verdict.is_beyond_noise
                else f"No clear difference from head only{f' ({gap})' if verdict.gap else ''}"
            )
            st.caption(in_words(verdict, its, own, ("the baseline", "this schedule")))
            if st.button("Compare", icon=":material/compare_arrows:", key="to-baseline"):
                current().compare.slots = [f"run:{next(iter(found.values()))[0].name}"]
                slots.put(f"run:{run.name}")
                frame.go("compare")
        elif runs_in_turn.runs_in_turn().holds(queued := QueuedRun(baseline, settings, root)):
            st.caption("The head alone trains now, or waits for its turn: its result comes here.")
        else:
            st.caption(
                "What does training more than the head bring? This trains the head alone, on the "
                f"same data and as long: no more than about {duration(seconds)}."
            )
            st.button(
                "Compare with head only",
                icon=":material/play_arrow:",
                key="run-baseline",
                on_click=run_in_turn,
                args=([queued],),
            )
