from __future__ import annotations

import json
import os
import shutil
import sys
from collections import namedtuple

import pytest

from core import presets
from core.runs import run_folder
from core.runs.description import interruption_reason, other_host_message
from core.runs.processes import run_lock
from core.runs.settings import RunSettings


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    run_folder.create(folder, presets.load("gradual"), RunSettings())
    return folder


def of(run, **changed):
    run_lock.hand_over(run, os.getpid())
    noted = json.loads((run / run_lock.PID).read_text())
    (run / run_lock.PID).write_text(json.dumps(noted | changed))
    assert run_folder.status(run) == "interrupted"
    return interruption_reason(run)


def test_a_process_that_is_gone_may_have_had_too_little_memory(run):
    assert "because memory ran out" in of(run, started=1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no name for a boot")
def test_a_machine_that_was_started_anew_is_told(run):
    assert of(run, boot="another") == "The machine was restarted during the run."


def test_a_run_of_another_machine_is_told_with_its_host_and_the_way_out(run_elsewhere):
    assert other_host_message(run_elsewhere) == (
        "It runs on node7, another machine or container, as far as its folder tells. If that "
        f"machine is gone, delete {run_elsewhere / run_lock.PID} and resume."
    )
    run_lock.hand_over(run_elsewhere, os.getpid())
    assert other_host_message(run_elsewhere) == ""


def test_a_full_disk_is_told_before_all(run, monkeypatch):
    full = namedtuple("Usage", "total used free")(10**12, 10**12, 4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    assert of(run, boot="another").endswith("could not continue. Free some space.")
