"""The seconds of a contestant by its functions, in a run of its own under a profiler."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.benchmarks.measure import Measured

PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "planning": (("cache/engine.py", "_prepare"),),  # and a trace per phase
    "pass": (("cache/precompute.py", "fill"), ("floor.py", "_pass")),
    "exactness": (
        ("cache/precompute.py", "probe"),
        ("cache/engine.py", "_rows_difference"),
        ("cache/engine.py", "_cached_path"),
    ),
    "training": (("training/loop.py", "train_epoch"), ("floor.py", "_train")),
    "evaluation": (("training/loop.py", "evaluate"), ("floor.py", "_evaluate")),
    "checkpoints": (
        ("training/components.py", "snapshot"),
        ("training/checkpoint.py", "save"),
        ("training/checkpoint.py", "wait"),
    ),
    "audit": (
        ("training/audit.py", "epoch_begins"),
        ("training/audit.py", "epoch_ended"),
        ("training/audit.py", "result"),
        ("training/train.py", "_precision_error"),
    ),
    "output files": (
        ("training/output_files.py", "save_weights"),
        ("training/output_files.py", "save_predictions"),
    ),
}
"""The functions of each part, by the end of their file's name; none is called by another of them.

But `save` calls `wait`, which has nothing to wait for there, since a run has waited before. The
audit of each step is within training, where it is an addition of a few numbers.
"""


def profiled(work: Callable[[], Measured]) -> Measured:
    """Do the work, and return what it measured with its seconds by part, and those of "the rest".

    The profiler makes work a little slower, so the parts say where time goes, not how much it is.
    """
    profiler = cProfile.Profile()
    measured = profiler.runcall(work)
    stats: Any = pstats.Stats(profiler)
    spent = dict.fromkeys(PARTS, 0.0)
    for (file, _, function), (*_, seconds, _) in stats.stats.items():
        for part, functions in PARTS.items():
            if any(file.endswith(end) and function == name for end, name in functions):
                spent[part] += seconds
    rest = measured.seconds - sum(spent.values())
    return replace(measured, parts=spent | {"the rest": rest})
