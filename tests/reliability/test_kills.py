"""The commands of this folder, in short; their long forms are for hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.reliability import failing_disk, kills

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs forks, and /proc")


@LINUX
@pytest.mark.slow
def test_runs_that_are_killed_at_random_instants_end_with_the_same_bits():
    command = [sys.executable, "tests/reliability/kills.py", "--trials", "10"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "10 of 10 runs ended bit-identically after " in ran.stdout
    assert ran.stderr == ""


@LINUX
def test_a_trial_tells_what_is_not_the_same(monkeypatch):
    # processes import the main module, which Streamlit's tests of pages leave behind as app.py
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    # a run that is left alone trains by one schedule, the one that is killed by another
    drawn = iter([kills.sittings.drawn(0), kills.sittings.drawn(9)])
    prepare = kills.sittings.prepare
    monkeypatch.setattr(kills.sittings, "prepare", lambda folder, *_: prepare(folder, *next(drawn)))
    with kills.processes() as context:
        trial = kills.attempt(context, 0)
    assert {"steps", "epochs", "weights", "checkpoint's model"} <= set(trial.wrong)


@LINUX
@pytest.mark.slow
def test_a_disk_that_fails_is_told_in_words_and_leaves_a_run_that_resumes_to_the_same_bits():
    found = list(failing_disk.attempts(every=13))
    assert len(found) > 10
    assert [failure for failure in found if failure.wrong] == []
