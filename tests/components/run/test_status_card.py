"""What the card of a run says: of Resume, and to those who do not see it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import checkpoint_files, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.progress import RunProgress
from pages.components.run import status_card as run_status
from tests.pages.drawn import html


def test_what_resume_does_is_told_by_the_checkpoints_that_there_are(tmp_path: Path) -> None:
    epoch = ev.EpochDone(0, ("head",), 10, 1.0, 0.5, 1.0, 0.5, 1.0, 10.0, 0)
    told = RunProgress(epochs=(epoch,))  # which is told before its checkpoint is written
    anew = run_status._advice("stopped", told, tmp_path)
    assert anew.endswith(run_status._ANEW)
    checkpoints = tmp_path / run_folder.CHECKPOINTS
    checkpoints.mkdir()
    (checkpoints / checkpoint_files.name(1, "0" * checkpoint_files.DIGEST)).touch()
    assert run_status._advice("stopped", told, tmp_path).endswith(run_status._RESUME)


def script(status: str, run: str = "no-such-run", epochs: int = 0) -> None:
    from pathlib import Path

    from core import presets
    from core.runs import events as ev
    from core.runs.progress import run_progress
    from core.runs.settings import RunSettings
    from pages.components.run.status_card import status_card

    started = ev.Started(0.0, "cpu", "CPU", 2, 4, 4, ("a", "b"), 10, 0.5)
    told = [started, *(ev.Step(step, step // 2, 1.0, {}) for step in range(2 * epochs + 1))]
    told += [
        ev.EpochDone(epoch, ("head",), 10, 1.0, 0.5, 1.0, 0.61, 1.0, 4.0, 100)
        for epoch in range(epochs)
    ]
    status_card(presets.load("gradual"), RunSettings(), status, run_progress(told), Path(run))


@pytest.mark.parametrize(
    ("status", "said"), [("running", "Training"), ("finished", "Finished"), ("stopped", "Stopped")]
)
def test_how_the_run_stands_is_said_without_its_numbers(status: str, said: str) -> None:
    app = AppTest.from_function(script, default_timeout=120, kwargs={"status": status}).run()
    assert re.findall(r'role="status"[^>]*>([^<]*)<', html(app)) == [said]


@pytest.mark.parametrize("status", ["stopped", "failed", "interrupted"])
def test_a_run_that_did_not_finish_shows_what_it_reached(status: str) -> None:
    kwargs = {"status": status, "epochs": 1}
    app = AppTest.from_function(script, default_timeout=120, kwargs=kwargs).run()
    assert "after 1.50 of 6 epochs, validation accuracy 61.0%" in html(app)


def test_a_demos_visitor_is_told_that_the_machine_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_DEMO", "1")
    monkeypatch.setattr(run_status, "_FIRST_SECONDS", 0.0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as idle:
        run_lock.hand_over(tmp_path, idle.pid)
        kwargs = {"status": "starting", "run": str(tmp_path)}
        app = AppTest.from_function(script, default_timeout=120, kwargs=kwargs).run()
        idle.communicate(b"\n")
    assert any("This machine is busy" in caption.value for caption in app.caption)
