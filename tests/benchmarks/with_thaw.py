"""The schedule as Thaw runs it, timed by its own events."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from core.runs import events as ev
from core.runs.settings import RunSettings
from core.training.job import Job
from core.training.output_files import OutputFiles
from core.training.train import train
from tests.benchmarks.measure import Measured, peak_memory
from tests.benchmarks.scenarios import Scenario


def fine_tune(scenario: Scenario, settings: RunSettings, weights: Path) -> Measured:
    """Train, checkpoints and audit included, and write the weights.

    Counts from Started to Finished: the pass, the evaluations, the audit. Images in files have to
    be read first, as by all others, so there it counts from the beginning.
    """
    began = ended = time.perf_counter()
    told: list[str] = []
    predicted: float | None = None
    plain: float | None = None
    with tempfile.TemporaryDirectory() as folder:
        job = Job(scenario.schedule, settings, Path(folder), outputs=OutputFiles(weights))
        for event in train(job):
            match event:
                case ev.Started() if not scenario.files:
                    began = ended = time.perf_counter()
                case ev.Forecast(seconds=seconds, plain_seconds=plain_seconds):
                    predicted, plain = seconds, plain_seconds
                case ev.CacheDecision(epoch=epoch, on=on, reason=reason):
                    told.append(f"epoch {epoch}: cache {'on' if on else 'off'}, {reason}")
                case ev.Finished():
                    ended = time.perf_counter()
                case ev.Audit(precision_error=error) if error is not None:
                    told.append(f"precision error {error:.1e}")
        return Measured(
            seconds=ended - began,
            peak_memory=peak_memory(),
            predicted_seconds=predicted,
            predicted_plain_seconds=plain,
            told=tuple(told),
        )
