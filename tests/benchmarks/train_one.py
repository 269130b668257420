"""One contestant, in a process of its own: `python -m tests.benchmarks.train_one JOB ANSWER`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

from tests.benchmarks import parts, scenarios, start
from tests.benchmarks.contestants import BOUND, CONTESTANTS
from tests.benchmarks.job import Job
from tests.benchmarks.measure import Measured, peak_memory
from tests.benchmarks.scenarios import Scenario


def main(job: Job) -> Measured:
    """Train, leave the weights where the job says, and return what it took."""
    return parts.profiled(partial(_train, job)) if job.profile else _train(job)


def _train(job: Job) -> Measured:
    contestant = CONTESTANTS[job.contestant]
    scenario = scenarios.find(job.scenario, quick=job.quick)
    folder = None if job.folder is None else Path(job.folder)
    module = import_module(f"tests.benchmarks.{contestant.module}")  # and none of the others'
    if contestant.name == BOUND:
        return Measured(module.seconds(scenario, quick=job.quick), peak_memory())
    if contestant.is_thaw:
        settings = scenario.settings(folder, **contestant.settings)
        return module.fine_tune(scenario, settings, Path(job.weights))
    fine_tune = partial(module.fine_tune, **contestant.settings)
    return _by_hand(fine_tune, scenario, folder, Path(job.weights))


def _by_hand(
    fine_tune: Callable[[start.Start], nn.Module],
    scenario: Scenario,
    folder: Path | None,
    weights: Path,
) -> Measured:
    """Neither imports count nor images that are in memory; to find and open files does."""
    began = time.perf_counter()
    ready = start.make(scenario, folder)
    if not scenario.files:
        began = time.perf_counter()
    model = fine_tune(ready)
    measured = Measured(time.perf_counter() - began, peak_memory())
    save_file(model.state_dict(), weights)
    return measured


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    measured = main(Job(**told))
    Path(sys.argv[2]).write_text(json.dumps(asdict(measured)), encoding="utf-8")
