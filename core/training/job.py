"""A job: the schedule, settings and folders of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core.runs.settings import RunSettings
from core.schedule.spec import ModelRef, Schedule
from core.training.distributed import Ranks
from core.training.models import Network, pretrained
from core.training.output_files import OutputFiles

NetworkBuilder = Callable[[ModelRef, int, int | None], Network]
"""A function of the schedule's model, the number of classes and the image size."""


def never() -> bool:
    """Return False: a `should_stop` of a run that nobody stops."""
    return False


@dataclass(frozen=True, slots=True)
class Job:
    """A schedule that has no errors, and how it is run.

    `checkpoints` is the folder that a resumed run goes on from. `should_stop` is called before
    every batch. With `other_libraries` a run goes on although torch, torchvision or timm have
    changed, which may change the last bits. `build` makes the network that the groups are part of.
    Of several processes, only the first has a folder of checkpoints; on its machine it is the
    `shared_scratch` of the others.
    """

    schedule: Schedule
    settings: RunSettings
    checkpoints: Path | None
    should_stop: Callable[[], bool] = never
    outputs: OutputFiles = field(default_factory=OutputFiles)
    other_libraries: bool = False
    build: NetworkBuilder = pretrained
    ranks: Ranks = field(default_factory=Ranks)
    shared_scratch: Path | None = None

    @property
    def scratch(self) -> Path:
        """The folder for temporary files."""
        with_first = self.ranks.rank == self.ranks.local_rank  # on one machine
        shared = self.shared_scratch if with_first else None
        return self.checkpoints or shared or Path(tempfile.gettempdir())
