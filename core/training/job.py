"""What a run is asked to do, and where it leaves what it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.runs.settings import RunSettings
from core.schedule.spec import ModelRef, Schedule
from core.training.models import Network, pretrained
from core.training.outputs import Outputs

Build = Callable[[ModelRef, int, int | None], Network]
"""Makes a network from what the schedule names, for a number of classes and an image size."""


def never() -> bool:
    """Return a `should_stop` that never asks to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a schedule that has no errors, and how it is run.

    `checkpoints` is the folder that a resumed run goes on from. `should_stop` is asked before every
    batch. With `other_libraries` a run goes on although those have changed, which may change the
    last bits. `build` makes the network, whose parts the schedule's groups name.
    """

    schedule: Schedule
    settings: RunSettings
    checkpoints: Path
    should_stop: Callable[[], bool] = never
    outputs: Outputs = field(default_factory=Outputs)
    other_libraries: bool = False
    build: Build = pretrained
