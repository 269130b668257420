from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core import presets
from core.runs import run_folder
from core.runs.processes import run_lock
from core.runs.settings import RunSettings


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that this process runs."""
    made = tmp_path / "run"
    run_folder.create(made, presets.load("gradual"), RunSettings(samples=77))
    return made


@pytest.fixture
def run_elsewhere(run: Path) -> Path:
    """The same folder, run on `node7`, which shares this machine's disk but not its locks."""
    run_lock.hand_over(run, os.getpid())
    noted = json.loads((run / run_lock.PID).read_text())
    elsewhere = {"host": "node7", "boot": "11111111-2222-3333-4444-555555555555"}
    (run / run_lock.PID).write_text(json.dumps(noted | elsewhere))
    return run
