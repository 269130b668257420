"""What is measured of one contestant in one round."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of training, the most bytes its process held, and what Thaw said of it.

    Workers that load data have memory of their own, which is not counted.

    `predicted_seconds` is what Thaw's planner expected of the run, `predicted_plain_seconds` what
    it expected of one without the cache. `parts` are the seconds by part, see `parts.profiled`.
    """

    seconds: float
    peak_memory: int = 0
    predicted_seconds: float | None = None
    predicted_plain_seconds: float | None = None
    told: tuple[str, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)


def cores() -> int:
    """Cores that a contestant may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory() -> int:
    """The most bytes that this process has held so far."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
