"""The components of a run: the network, its groups, optimizer, scheduler, auditor and cache."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from core.errors import DataError, InputError
from core.freezing import check_can_train
from core.grouping import LayerGroups, group_paths, resolve_groups
from core.optimizer import build_optimizer
from core.schedule.batches import steps_per_epoch
from core.scheduler import ScheduleLR
from core.training.audit import Auditor
from core.training.cache.engine import FrozenCache
from core.training.checkpoint import Checkpoint
from core.training.data import Data
from core.training.device import random_state, set_random_state
from core.training.job import Job
from core.training.models import Network
from core.training.numerics import Arithmetic
from core.training.provenance import Provenance
from core.training.shards import Shards
from core.training.stepper import Stepper


@dataclass(frozen=True, slots=True)
class Components:
    """The components of a run on their device; `steps` are those of an epoch."""

    network: Network
    device: torch.device
    layer_groups: LayerGroups
    steps: int
    optimizer: torch.optim.Optimizer
    stepper: Stepper
    scheduler: ScheduleLR
    auditor: Auditor
    cache: FrozenCache
    shards: Shards

    @property
    def model(self) -> nn.Module:
        """The module that is trained."""
        return self.network.model

    def snapshot(self, epoch: int, seconds: float, provenance: Provenance) -> Checkpoint:
        """Return all that is needed to go on with `epoch`; its tensors are no copies."""
        return Checkpoint(
            epoch=epoch,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            scaler=self.stepper.state_dict(),
            scheduler=self.scheduler.state_dict(),
            random=random_state(self.device),
            audit=self.auditor.state_dict(),
            seconds=seconds,
            provenance=provenance,
        )

    def restore(self, saved: Checkpoint) -> None:
        """Put the components into the snapshot's state; raise InputError if it does not fit."""
        try:
            self.model.load_state_dict(saved.model)
            self.optimizer.load_state_dict(saved.optimizer)
            self.stepper.load_state_dict(saved.scaler)
            self.scheduler.load_state_dict(saved.scheduler)
            self.auditor.load_state_dict(saved.audit)
            set_random_state(saved.random, self.device)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            wrong = f"hold what the schedule's model cannot take ({reason})"
            raise InputError("checkpoints", wrong, "start a new run in another folder") from error


def assemble(job: Job, data: Data, arithmetic: Arithmetic) -> Components:
    """Return the components as they are before the first step, drawn by the settings' seed."""
    schedule, settings, device = job.schedule, job.settings, arithmetic.device
    torch.manual_seed(settings.seed)
    network = job.build(schedule.model, len(data.classes), settings.image_size)
    model = network.model.to(device)
    if arithmetic.channels_last:
        model.to(memory_format=torch.channels_last)
    layer_groups = resolve_groups(model, group_paths(schedule))
    check_can_train(layer_groups, schedule)
    optimizer = build_optimizer(schedule, layer_groups, fused=settings.optimizer_step == "fused")
    steps = steps_per_epoch(len(data.train), settings.batch_size, settings.micro_batches)
    shards = _shards(job, data)
    return Components(
        network,
        device,
        layer_groups,
        steps,
        optimizer,
        Stepper(optimizer, arithmetic, settings.clip_norm),
        ScheduleLR(optimizer, schedule, steps),
        Auditor(schedule, layer_groups, steps),
        FrozenCache(network, layer_groups, job, data, shards, arithmetic),
        shards,
    )


def _shards(job: Job, data: Data) -> Shards:
    """Return how the images are dealt out; raise an InputError if they cannot be."""
    settings, ranks, count = job.settings, job.ranks, job.settings.micro_batches
    if count % ranks.size:
        of = f"{settings.processes} processes x {settings.accumulate} micro-batches"
        fitting = ", ".join(str(n) for n in range(1, count + 1) if count % n == 0)
        wrong = f"is {ranks.size}, but the run was begun with {of} in a batch"
        raise InputError("the number of processes", wrong, f"use one of {fitting}")
    for flag, split in (("--samples", data.train), ("--validation-samples", data.validation)):
        if count > 1 and len(split) < 2 * count:
            wrong = f"gives {len(split)} images, but each of {count} micro-batches needs 2"
            raise DataError(flag, wrong, "use more images, or fewer processes or micro-batches")
    each = count // ranks.size
    own = range(ranks.rank * each, (ranks.rank + 1) * each)
    return Shards(count, own, settings.batch_size // count)
