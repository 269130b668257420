"""A run that several sessions look at is read once, and anew where its folder is another one."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.settings import RunSettings
from core.schedule import curves
from pages.components.run import run_reader

SCHEDULE = presets.load("ulmfit")


def begin(run: Path, steps: int, *, factor: float = 1.0) -> None:
    run_folder.create(run, SCHEDULE, RunSettings())
    event_log.append(run, ev.Started(0.0, "cpu", "CPU", 9, 40, 20, ("a", "b"), 100, 0.5))
    go_on(run, 0, steps, factor=factor)


def go_on(run: Path, step: int, stop: int, *, factor: float = 1.0) -> None:
    for at in range(step, stop):
        t = curves.time_of_step(SCHEDULE, at, 9)
        rates = {g.name: factor * float(curves.lr(SCHEDULE, g, t)) for g in SCHEDULE.groups}
        event_log.append(run, ev.Step(at, at // 9, 1.0, rates))


def script(run: str) -> None:
    from pathlib import Path

    import streamlit as st

    from core import presets
    from pages.components.run.run_reader import read_run

    st.session_state["known"] = read_run(Path(run), presets.load("ulmfit"))


def viewer(run: Path) -> AppTest:
    return AppTest.from_function(script, kwargs={"run": str(run)}).run()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    begin(tmp_path / "r", 3)
    return tmp_path / "r"


def test_sessions_that_look_at_one_run_share_what_was_read_of_it(run: Path) -> None:
    one, two = viewer(run), viewer(run)
    for steps in (3, 5):
        go_on(run, 3, steps)
        digests = [app.run().session_state["known"].progress for app in (one, two, one)]
        assert digests[0] is digests[1] is digests[2]  # so none of its events was read again
        assert digests[0].steps_done == steps


def test_what_was_read_is_given_up_with_the_last_session_that_looks_at_it(run: Path) -> None:
    app = viewer(run)
    assert run in run_reader._READERS
    del app
    gc.collect()
    assert run not in run_reader._READERS


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_another_folder_of_the_name_is_read_from_its_beginning(run: Path, steps: int) -> None:
    app = viewer(run)
    assert app.session_state["known"].error < curves.RATES_EQUAL
    shutil.rmtree(run)
    begin(run, steps, factor=2.0)
    known = app.run().session_state["known"]
    assert known.progress.steps_done == len(known.progress.steps) == steps
    assert known.error == pytest.approx(1.0)
