"""What a contestant's process is told, and what it answers, as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.contestants import CONTESTANTS
from tests.benchmarks.measure import Measured

_ROOT = Path(__file__).parents[2]
_SIDE_BY_SIDE = {"OMP_NUM_THREADS": "1"}
"""Threads that spin while they wait starve those of other processes, a hundredfold."""


class ContestantFailed(Exception):  # noqa: N818 - the benchmark goes on without it
    """A contestant's process ended without an answer; the message is its last word, `said` all."""

    def __init__(self, said: str, exit_code: int) -> None:
        lines = [line for line in said.splitlines() if line[:1].strip()]
        super().__init__(lines[-1] if lines else f"exit code {exit_code}")
        self.said = said


@dataclass(frozen=True, slots=True)
class Job:
    """Who trains on what, and where the weights go; `folder` holds the images if they are files.

    With `profile` it is measured where the seconds go.
    """

    contestant: str
    scenario: str
    quick: bool
    weights: str
    folder: str | None = None
    profile: bool = False


def run(job: Job) -> Measured:
    """Do the job in a fresh process, so that no import and no allocation of another is left.

    Raises ContestantFailed.
    """
    environment = {**os.environ, **CONTESTANTS[job.contestant].environment}
    if job.quick:
        environment |= _SIDE_BY_SIDE
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.train_one", json.dumps(asdict(job)), answer],
            cwd=_ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not answer.exists():
            raise ContestantFailed(done.stderr or done.stdout, done.returncode)
        values = json.loads(answer.read_text(encoding="utf-8"))
    return Measured(**(values | {"told": tuple(values["told"])}))
