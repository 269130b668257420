from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.runs.processes import torchrun
from core.schedule.parse import dumps
from tests.training.small import small_schedule

ROOT = Path(__file__).parents[2]
SMALL = ["--samples", "40", "--validation-samples", "40", "--image-size", "32", "--device", "cpu"]

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="needs process groups"),
]


@pytest.mark.parametrize("processes", [2, 4])
def test_a_run_whose_process_is_killed_ends_at_once_and_is_resumed(processes):
    command = [sys.executable, "tests/reliability/ranks.py", f"--processes={processes}"]
    ran = subprocess.run(
        [*command, "--trials=3"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 of 3; " in ran.stdout


@pytest.fixture
def schedule(tmp_path: Path) -> str:
    path = tmp_path / "schedule.json"
    path.write_text(dumps(small_schedule(1)))
    return str(path)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["--batch-size=33"], "error: --batch-size is 33, which 2 micro-batches"),
        (["--data=/nowhere"], "error: --data is '/nowhere', which does not exist"),
    ],
)
def test_settings_that_several_processes_cannot_take_are_refused(
    settings, says, schedule, tmp_path
):
    out = tmp_path / "run"
    words = ("-m", "core", "run", schedule, "--out", str(out), *SMALL, *settings)
    ran = subprocess.run(
        torchrun.command(2, *words), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr.count("error: ")) == (1, 1)
    assert says in ran.stderr
    assert not out.exists()


def test_machines_with_different_options_are_told_so_by_the_first(schedule, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = tmp_path / "run"
    words = ["-m", "core", "run", schedule, "--out", str(out), *SMALL]
    engine = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    engine += ["--master-addr=127.0.0.1", f"--master-port={port}"]
    machines = [
        subprocess.Popen(
            [*engine, f"--node-rank={rank}", *words, f"--seed={rank}"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [machine.communicate(timeout=120)[1] for machine in machines]
    assert all(machine.returncode == 1 for machine in machines)
    assert "error: the command line is not that of process 0 (in process 1 on " in told[0]
    assert not out.exists()
