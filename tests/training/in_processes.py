"""A small run in several processes: a command for torchrun. Each process saves its weights.

torchrun --standalone --nproc-per-node 2 -m tests.training.in_processes FOLDER [KIND]

Three groups thaw, one freezes again, and BatchNorm lies in groups that train and in frozen ones.
KIND is `run`, `broken-off` (killed in the middle of its last phase), or a fault: `meddled` (one
process changes a weight), `wrapped-once` (the network is wrapped while a group is frozen, and never
again), `naive` (the same, without Thaw's check).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import torch
from torch import Tensor, nn

from core.errors import ThawError
from core.runs.events import Audit, Event, Step
from core.runs.settings import RunSettings
from core.schedule import parse
from core.schedule.spec import ModelRef, Schedule
from core.training import train as training
from core.training.distributed import Ranks, join_process_group
from core.training.job import Job, never
from core.training.models import Network
from core.training.output_files import OutputFiles
from tests.training.small import of_kind, small_settings


class Small(nn.Sequential):
    """Three convolutions with BatchNorm, and a head."""

    def __init__(self, classes: int) -> None:
        def block(channels: int, into: int) -> nn.Module:
            return nn.Sequential(
                nn.Conv2d(channels, into, 3, 2, 1), nn.BatchNorm2d(into), nn.ReLU()
            )

        super().__init__()
        self.first, self.second, self.third = block(3, 8), block(8, 8), block(8, 8)
        self.head = nn.Linear(8, classes)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.third(self.second(self.first(images)))
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


def schedule() -> Schedule:
    """Six epochs in which three groups thaw, one after another, and the last freezes again."""
    windows = {"first": [[3, None]], "second": [[2, None]], "third": [[1, 4]], "head": [[0, None]]}
    groups: list[dict[str, Any]] = [
        {"name": name, "modules": [name], "trainable": window} for name, window in windows.items()
    ]
    groups[1]["when_frozen"] = "train"
    return parse.from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": "In processes",
            "model": {"name": "torchvision/resnet18"},
            "epochs": 6,
            "optimizer": {"name": "sgd", "base_lr": 0.05, "momentum": 0.9},
            "groups": groups,
        }
    )


def settings(**changed: Any) -> RunSettings:
    """80 images in batches of 16: 30 steps in all."""
    return small_settings(**{"samples": 81, "validation_samples": 41, "cache": "auto", **changed})


def build(_: ModelRef, classes: int, __: int | None) -> Network:
    """The small network, drawn by the seed."""
    return Network(Small(classes), (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


def run(
    folder: Path,
    of: RunSettings,
    ranks: Ranks = Ranks(),  # noqa: B008 - it does not change
    should_stop: Callable[[], bool] = never,
) -> list[Event]:
    """The events of the run, or of its rest."""
    return list(training.train(replace(job(folder, of, ranks), should_stop=should_stop)))


def job(folder: Path, of: RunSettings, ranks: Ranks) -> Job:
    outputs = OutputFiles(folder / f"weights-{ranks.rank}.safetensors")
    checkpoints = None if ranks.rank else folder / "checkpoints"
    return Job(schedule(), of, checkpoints, outputs=outputs, build=build, ranks=ranks)


def broken_off(event: Event) -> bool:
    """Return whether the last phase is in its second epoch."""
    return isinstance(event, Step) and event.epoch == 5


def _meddled(ranks: Ranks) -> Any:
    check = training._Session._check_processes

    @torch.no_grad()
    def meddle(session: training._Session, epoch: int) -> None:
        if epoch == 2 and ranks.rank == 1:
            session._components.model.get_parameter("second.0.bias")[0] += 1e-6
        check(session, epoch)

    return patch.object(training._Session, "_check_processes", meddle)


def _wrapped_once() -> Any:
    wrapped: list[Any] = []
    wrap = Ranks.wrap

    def once(ranks: Ranks, network: Any, device: torch.device) -> Any:
        if not wrapped:
            wrapped.append(wrap(ranks, network, device))
        return wrapped[0]

    return patch.object(Ranks, "wrap", once)


def main(folder: Path, kind: str = "run") -> None:
    """Run as one of torchrun's processes; the first prints what its audit says, or the error."""
    size, rank = int(os.environ["WORLD_SIZE"]), int(os.environ["RANK"])
    ranks = Ranks(rank, size, rank, size)
    cache = "auto" if kind in ("run", "meddled") else "off"  # so that there is one network to wrap
    batch_size = 18 if size == 3 else 16
    of = settings(processes=size, accumulate=4 // size, batch_size=batch_size, cache=cache)
    join_process_group()
    if kind == "meddled":
        _meddled(ranks).start()
    if kind in ("wrapped-once", "naive"):
        _wrapped_once().start()
    if kind == "naive":
        patch.object(training._Session, "_check_processes").start()
    if kind == "broken-off":
        next(filter(broken_off, training.train(job(folder, of, ranks))))
        os._exit(0)
    try:
        (audit,) = of_kind(run(folder, of, ranks), Audit)
        told = f"{audit.max_lr_error} {audit.frozen_groups_unchanged} {len(audit.spans)}"
    except ThawError as error:
        told = str(error)
    if rank == 0:
        click.echo(told)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
