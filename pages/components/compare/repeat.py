"""The button that runs the compared schedules with more seeds, one run after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, count, islice
from pathlib import Path

import streamlit as st

from core import checks
from core.errors import InputError
from core.files.home import is_demo
from core.runs.forecast import duration
from core.runs.processes import launch
from core.runs.processes.in_turn import QueuedRun
from core.runs.results import RunResults
from core.schedule.spec import Schedule
from core.schedule.words import counted
from pages.components.compare.slots import Slot
from pages.components.design.model_weights import unavailable
from pages.components.run.estimate import run_in_turn
from pages.components.shared import frame, runs_in_turn

SEEDS = 3


def repeat_row(slots: Sequence[Slot], results: Mapping[str, RunResults]) -> None:
    """Draw the button with what it will take, or the progress of what it has begun."""
    runnable = [slot for slot in slots if isinstance(slot.plan, Schedule)]
    if is_demo() or not runnable:
        return
    try:
        root = launch.runs_folder()
    except InputError:
        return
    if runs_in_turn.progress_row():
        return
    goal = SEEDS * (min(len(slot.trials) for slot in runnable) // SEEDS + 1)
    missing = missing_seeds(runnable, goal)
    refused = next(filter(None, map(_refusal, runnable)), None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        verb = "Repeat" if any(slot.trials for slot in runnable) else "Run"
        st.button(
            f"{verb} with {goal} seeds",
            icon=":material/replay:",
            key="repeat",
            disabled=refused is not None,
            on_click=run_in_turn,
            args=([_queued(slot, seed, root) for slot, seed in missing],),
        )
        text = (
            refused
            or f"{counted(len(missing), 'run')}, one after another{_time(missing, results)}."
        )
        st.caption(frame.escape_markdown(text), width="stretch")


def missing_seeds(slots: Sequence[Slot], goal: int) -> list[tuple[Slot, int]]:
    """Return the runs that it takes for each slot to have the same `goal` seeds, seed by seed."""
    tried = [{trial.seed for trial in slot.trials} for slot in slots]
    used = sorted(set().union(*tried))
    seeds = islice(chain(used, (seed for seed in count() if seed not in used)), goal)
    return [
        (slot, seed)
        for seed in seeds
        for slot, has in zip(slots, tried, strict=True)
        if seed not in has
    ]


def _queued(slot: Slot, seed: int, root: Path) -> QueuedRun:
    assert isinstance(slot.plan, Schedule)
    return QueuedRun(slot.plan, slot.settings.model_copy(update={"seed": seed}), root)


def _refusal(slot: Slot) -> str | None:
    """Return why a slot's schedule cannot be run; None if nothing is known against it."""
    assert isinstance(slot.plan, Schedule)
    if errors := checks.errors(slot.plan, slot.table):
        return f"{slot.letter} cannot be run: {errors[0].message}"
    if why := unavailable(slot.plan.model):
        return (
            f"{slot.letter} cannot be run: {why} In Design, models marked “here” need no download."
        )
    return None


def _time(missing: Sequence[tuple[Slot, int]], results: Mapping[str, RunResults]) -> str:
    """Return what the runs will take, by those that there are; empty without one."""
    known = {letter: result.seconds for letter, result in results.items() if result.seconds}
    if not known:
        return ""
    usual = max(known.values())
    seconds = sum(known.get(slot.letter, usual) for slot, _ in missing)
    return f": about {duration(seconds)} in all"
