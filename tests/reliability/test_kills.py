"""The commands of this folder, in short; their long forms are for hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from core.runs import checkpoint_files, event_log, run_folder
from core.runs import events as ev
from core.runs.event_log import EVENTS
from tests.reliability import failing_disk, kills, sessions
from tests.reliability.faults import Disk, Half

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs forks, and /proc")


@LINUX
@pytest.mark.thorough
def test_runs_that_are_killed_at_random_instants_end_with_the_same_bits():
    command = [sys.executable, "tests/reliability/kills.py", "--trials", "10"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "10 of 10 runs ended bit-identically after " in ran.stdout
    assert ran.stderr == ""


def dies_in_its_first_epoch(disk: Disk, _at: int, half: Half) -> None:
    """A kill once a step has been told."""
    if (disk.folder / EVENTS).exists() and b'"step"' in (disk.folder / EVENTS).read_bytes():
        half()
        os.kill(os.getpid(), signal.SIGKILL)


def dies_in_its_first_checkpoint(disk: Disk, _at: int, half: Half) -> None:
    """A kill while the first checkpoint lies half written beside its place."""
    if disk.asked[-1].startswith("write .epoch-00001"):
        half()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.thorough
@LINUX
@pytest.mark.parametrize(
    "fate",
    [
        dies_in_its_first_epoch,
        dies_in_its_first_checkpoint,
    ],
)
def test_a_run_killed_before_its_first_checkpoint_begins_anew_and_ends_with_the_same_bits(
    fate, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))  # as below
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    for folder in (alone, killed):
        sessions.prepare(folder, *sessions.drawn(0, epochs=4))
    with kills.processes() as context:
        assert kills.sit(context, alone) == 0
        assert kills.sit(context, killed, fate) == -signal.SIGKILL
        assert run_folder.status(killed) == "interrupted"
        assert any(isinstance(event, ev.Step) for event in event_log.read(killed))
        assert not checkpoint_files.stored(killed / run_folder.CHECKPOINTS)
        assert kills.sit(context, killed) == 0
    began = [event.resumed_at for event in event_log.read(killed) if isinstance(event, ev.Started)]
    assert began == [0, 0]
    assert sessions.differences(sessions.ended(alone), sessions.ended(killed)) == []


@pytest.mark.thorough
@LINUX
def test_a_trial_tells_what_is_not_the_same(monkeypatch):
    # processes import the main module, which Streamlit's tests of pages leave behind as app.py
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    # a run that is left alone trains by one schedule, the one that is killed by another
    drawn = iter([kills.sessions.drawn(0), kills.sessions.drawn(9)])
    prepare = kills.sessions.prepare
    monkeypatch.setattr(kills.sessions, "prepare", lambda folder, *_: prepare(folder, *next(drawn)))
    with kills.processes() as context:
        trial = kills.attempt(context, 0)
    assert {"steps", "epochs", "weights", "checkpoint's model"} <= set(trial.wrong)


@LINUX
@pytest.mark.thorough
def test_a_disk_that_fails_is_told_in_words_and_leaves_a_run_that_resumes_to_the_same_bits():
    found = list(failing_disk.attempts(every=13))
    assert len(found) > 10
    assert [failure for failure in found if failure.wrong] == []
