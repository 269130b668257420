from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0

HELPER = (
    "import os, time; from core.runs.processes.exit_with_parent import exit_with_parent;"
    "exit_with_parent();"
    "print(os.getpid(), file=open({!r}, 'w', 1)); time.sleep(600)"
)
WORKER = (
    "import os, time; from core.runs.processes.prewarmed_worker import wait_for_folder;"
    "wait_for_folder(lambda: {{'type': 'cpu', 'name': 'x', 'count': 1}},"
    " lambda: (print(os.getpid(), file=open({!r}, 'w', 1)), time.sleep(600)))"
)
"""A helper, and a worker in imports that take long; both write their id into a file."""

DIRECTLY = """
import sys
from core.runs.processes.exit_with_parent import run_helper
run_helper([sys.executable, "-c", sys.argv[1]])
"""
AS_A_TABLE = """
import sys, time
from core.runs.processes.tabulation import Tabulations
Tabulations(lambda model: [sys.executable, "-c", sys.argv[1]]).ask("timm/resnet34", None)
time.sleep(600)
"""
AS_A_WORKER = """
import os, sys, time
from pathlib import Path
from core.runs.processes.prewarmed_worker import PrewarmedWorker
worker = PrewarmedWorker([sys.executable, "-c", sys.argv[1]], Path(), os.environ, print)
time.sleep(600)
"""


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def written(told: Path) -> bool:
    return told.exists() and told.read_text().endswith("\n")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("starter", [DIRECTLY, AS_A_TABLE, AS_A_WORKER])
def test_no_helper_outlives_its_starter_however_that_ends(tmp_path, starter, how):
    told = tmp_path / "told"
    code = (WORKER if starter is AS_A_WORKER else HELPER).format(str(told))
    started = subprocess.Popen([sys.executable, "-c", starter, code], cwd=ROOT)
    until(lambda: written(told))
    helper = psutil.Process(int(told.read_text()))
    assert helper.ppid() == started.pid
    os.kill(started.pid, how)
    started.wait()
    until(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)
