"""A finished run beside its baseline: the button that runs it, and the gap once it has run."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.models import layer_table
from core.runs import estimate, run_folder
from core.runs.processes import launch
from core.runs.settings import RunSettings
from core.schedule import edits, plan
from core.schedule.spec import Schedule
from pages.components.run import estimate as run_estimate
from pages.components.shared import runs_in_turn
from pages.components.shared.state import session_in
from tests.pages.drawn import html
from tests.pages.test_broken_runs import script
from tests.runs.made import SETTINGS, finished_run

GRADUAL = presets.load("gradual")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.setattr(launch, "prewarm", lambda: None)
    return tmp_path


def opened(run: str) -> AppTest:
    app = AppTest.from_function(script, default_timeout=120)
    app.query_params["run"] = run.removeprefix("run:")
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return " ".join(each.value for each in (*app.markdown, *app.caption))


@pytest.mark.parametrize("has_table", [True, False])
def test_the_baseline_trains_the_head_alone_and_as_long(has_table: bool) -> None:
    schedule = edits.set_length(GRADUAL, 9)
    table = layer_table.load(schedule.model.name) if has_table else None
    baseline = presets.head_only(schedule, table)
    assert (baseline.epochs, baseline.model) == (9, schedule.model)
    assert all(phase.training == ("head",) for phase in plan.phases(baseline))


def test_a_finished_run_starts_its_baseline_on_the_same_data(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[Schedule, RunSettings]] = []

    def start(schedule: Schedule, settings: RunSettings, root: Path) -> str:
        started.append((schedule, settings))
        return "run"

    monkeypatch.setattr(launch, "start", start)
    monkeypatch.setattr(run_estimate, "run_device", lambda _: ("cpu", "CPU"))
    app = opened(finished_run(home, "one", GRADUAL, [0.5, 0.75], predicts=True))
    (home / "runs" / "run").mkdir()
    app.button(key="run-baseline").click().run()
    runs_in_turn.runs_in_turn().join()
    ((schedule, settings),) = started
    assert settings == SETTINGS
    assert schedule == presets.load("head-only")
    found = estimate.read(home / "runs" / "run")
    assert found is not None
    assert found.run == "one"


def test_while_another_run_is_on_the_baseline_can_be_queued_and_then_says_so(home: Path) -> None:
    run_folder.create(home / "runs" / "other", GRADUAL, SETTINGS)  # which is live
    app = opened(finished_run(home, "one", GRADUAL, [0.5, 0.75], predicts=True))
    turn = runs_in_turn.runs_in_turn()
    app.button(key="run-baseline").click().run()
    assert len(turn.waiting) == 1
    assert "run-baseline" not in {button.key for button in app.button}
    assert "waits for its turn" in texts(app)
    app.button(key="cancel-waiting").click().run()
    turn.join()
    assert "run-baseline" in {button.key for button in app.button}


def test_the_gap_to_the_baseline_is_shown_with_what_it_rests_on(home: Path) -> None:
    run = finished_run(home, "one", GRADUAL, [0.75], images=400, predicts=True)
    head_only = presets.load("head-only")
    base = finished_run(home, "base", head_only, [0.6], images=400, predicts=True)
    app = opened(run)
    assert "**15.0 points better than head only**" in texts(app)
    assert "On the same 400 validation images, 0 are right with the baseline only" in texts(app)
    app.button(key="to-baseline").click().run()
    assert session_in(app.session_state).compare.slots == [base, run]


def test_a_gap_within_the_noise_is_not_bold_and_the_baseline_itself_has_none(home: Path) -> None:
    run = finished_run(home, "one", GRADUAL, [0.75], predicts=True)
    base = finished_run(home, "base", presets.load("head-only"), [0.7], predicts=True)
    assert "No clear difference from head only (5.0 points better)" in texts(opened(run))
    assert "Against head only" not in html(opened(base))
