"""The estimate of a run, beside Start; and beside what the run took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import streamlit as st

from core.files import usage
from core.runs import estimate, memory, run_folder
from core.runs.description import describe
from core.runs.estimate import Basis, Estimate, Workload
from core.runs.forecast import duration
from core.runs.processes import launch
from core.runs.processes.in_turn import QueuedRun
from core.runs.progress import RunProgress
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from pages.components.run.settings_card import run_device
from pages.components.shared import cost_figures, frame, runs_in_turn, session, visible_runs
from pages.components.shared.cost_words import amount

_NO_TABLE = "What the run takes is not known before it begins: there is no layer table of its model"
_BASES: dict[Basis, str] = {
    "none": "Nothing has run on this device yet: the first run measures how fast it is.",
    "other model": "Scaled by FLOPs from {run}, of another model: a rough guess.",
    "other settings": "Scaled by FLOPs from {run}, of this model with another image size, batch "
    "size or arithmetic: a rough estimate.",
    "same model": "Scaled by FLOPs from {run}, of this model with the same image size.",
    "same run": "As {run}, which was the same but for rates and seed.",
}


def estimate_now() -> Estimate | None:
    """Return what a run of the session's schedule and settings takes; None without a table."""
    return _estimate(session.schedule(), session.settings())


def run_in_turn(runs: Sequence[QueuedRun]) -> None:
    """Let runs start one after another, each with its estimate; for a button's callback."""
    of = cache(_estimate)  # which is the same for all seeds
    runs_in_turn.runs_in_turn().add(
        replace(run, estimate=of(run.schedule, run.settings.model_copy(update={"seed": 0})))
        for run in runs
    )


def _estimate(schedule: Schedule, settings: RunSettings) -> Estimate | None:
    table = session.table_of(schedule.model.name, settings.data)
    if table is None:
        return None
    work = Workload(
        schedule, table, settings, cost_figures.data(settings), cost_figures.budget(settings)
    )
    runs = visible_runs.runs(launch.runs_folder())
    device = run_device(settings)
    earlier = estimate.measured_runs(runs, device, cost_figures.budget)
    return estimate.estimate(work, earlier, 0 if device[0] == "cuda" else estimate.PROCESS_BYTES)


def estimate_row() -> None:
    """Draw the time, memory and disk of the run that Start would begin, and what they rest on."""
    found = estimate_now()
    if found is None:
        st.caption(f"{_NO_TABLE}.")
        return
    seconds = "not known yet" if found.seconds is None else f"about {duration(found.seconds)}"
    figures = st.grid(3, min_column_width=110, gap="xsmall")
    figures.metric("Time", seconds)
    figures.metric("Memory", f"about {amount(found.memory)}")
    figures.metric("Disk", f"about {amount(found.disk)}")
    root = launch.runs_folder()
    named = describe(root / found.run)
    run = f"“{named.name}” ({named.when})" if found.run else ""
    disk = f"While it runs, checkpoints and cache take up to {amount(found.most_disk)} of disk."
    st.caption(frame.escape_markdown(f"{_BASES[found.basis].format(run=run)} {disk}"))
    free = usage.free_disk(root)
    if found.most_disk > free:
        st.warning(f"Only {amount(free)} of disk are free.", icon=":material/warning:")
    on_cpu = run_device(session.settings())[0] == "cpu"
    if on_cpu and found.memory > (left := memory.available()):
        st.warning(
            f"Only {amount(left)} of memory are free: a smaller batch or image size needs less.",
            icon=":material/warning:",
        )


def compared_row(run: Path, progress: RunProgress) -> None:
    """Draw what a run was estimated to take, and once it has finished, what it took."""
    found = estimate.read(run)
    if found is None:
        return
    time = "" if found.seconds is None else f"{duration(found.seconds)}, "
    memory, disk = amount(found.memory), amount(found.disk)
    text = f"Estimated before the start: {time}{memory} of memory and {disk} of disk."
    end = run_folder.read_summary(run)
    if end is not None and end.status == "finished" and progress.epochs:
        peak = amount(max(epoch.peak_memory for epoch in progress.epochs))
        left = amount(usage.disk_use(run))
        text += f" It took {duration(end.seconds)}, {peak} of memory and {left} of disk."
    st.caption(frame.escape_markdown(text))
