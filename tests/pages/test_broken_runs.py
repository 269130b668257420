"""Run folders with something wrong in them, as the Run and Compare pages draw them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.runs import run_folder
from core.runs.processes import launch
from core.schedule.parse import to_raw
from pages.components.shared import visible_runs
from pages.components.shared.state import StartedRun, session_in
from tests.reliability.doors import broken_file, run_files

RUNS = 5


def script() -> None:
    import streamlit as st

    from pages import compare, design, run
    from pages.components.shared import frame

    first = st.query_params.get("first", "run")
    frame.dress()
    frame.navigate(
        {
            "run": st.Page(run.page, title="Run", url_path="run", default=first == "run"),
            "compare": st.Page(compare.page, title="Compare", default=first != "run"),
            "design": st.Page(design.page, title="Design", url_path="design"),
        }
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with runs of which every one has a broken file; none may start another."""
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.setattr(launch, "prewarm", lambda: None)
    raw = to_raw(presets.load("gradual"))
    for number in range(RUNS):
        run = tmp_path / "runs" / f"r{number}"
        run.mkdir(parents=True)
        rng, whole = Random(number), run_files(raw)
        names = sorted(set(whole) - {"schedule.json"})
        for name, good in whole.items():
            spoilt = name in (names[number % len(names)], "events.jsonl")
            (run / name).write_bytes(broken_file(rng, name, good) if spoilt else good)
    return tmp_path


def test_the_run_page_draws_every_broken_run_and_lists_all_of_them(home: Path) -> None:
    for number in range(RUNS):
        app = AppTest.from_function(script, default_timeout=120)
        app.query_params["run"] = f"r{number}"
        app.run()
        assert not app.exception, app.exception
        assert sum("Gradual unfreezing" in button.label for button in app.button) >= 1


def test_a_run_whose_schedule_is_damaged_is_told_with_the_way_to_delete_it(home: Path) -> None:
    (home / "runs" / "r0" / "schedule.json").write_text("{")
    app = AppTest.from_function(script, default_timeout=120)
    app.query_params["run"] = "r0"
    app.run()
    assert not app.exception, app.exception
    told = " ".join(error.value.replace("\\", "") for error in app.toast)
    assert "fix it there; or delete the run: python -m core delete r0" in told
    assert "run" not in app.query_params


@pytest.mark.parametrize("run", ["../../x", "no-such-run", "a" * 10_000, ""])
def test_a_run_that_is_not_there_is_said_so(home: Path, run: str) -> None:
    app = AppTest.from_function(script, default_timeout=120)
    app.query_params["run"] = run
    app.run()
    assert not app.exception, app.exception
    assert any("run is" in error.value for error in app.toast)
    assert "Start" in [button.label for button in app.button]


def test_a_run_that_is_deleted_once_it_is_listed_is_passed_over(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = run_folder.list_runs(home / "runs")
    monkeypatch.setattr(run_folder, "list_runs", lambda _: listed)
    (home / "runs" / "r0").rename(home / "elsewhere")
    app = AppTest.from_function(script, default_timeout=120).run()
    assert not app.exception, app.exception
    rows = {str(button.key).split("-run-")[-1] for button in app.button}
    assert "r1" in rows
    assert "r0" not in rows


def test_a_run_that_was_started_is_shown_although_a_second_click_cut_the_script_short(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        visible_runs, "_ONE_CLICK", 120.0
    )  # a slow machine draws longer than it lasts
    app = AppTest.from_function(script, default_timeout=120)
    session_in(app.session_state).run.started = StartedRun("r1")
    for _ in range(2):
        app.query_params.clear()  # as a click brings it that was made before the run was shown
        app.run()
        assert app.query_params["run"] == "r1"
        assert not any(button.key == "start" for button in app.button)
    app.button(key="new-run").click().run()
    assert any(button.key == "start" for button in app.button)


def test_the_compare_page_draws_four_broken_runs(home: Path) -> None:
    app = AppTest.from_function(script, default_timeout=120)
    app.query_params["first"] = "compare"
    session_in(app.session_state).compare.slots = [f"run:r{number}" for number in (0, 1, 2, 4)]
    app.run()
    assert not app.exception, app.exception
