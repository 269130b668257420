"""What every hand-written contestant starts from: the same weights, groups, rates and images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.grouping import Layer, group_paths, parameters_of, resolve_groups
from core.runs.settings import RunSettings
from core.schedule.batches import steps_per_epoch
from core.scheduler import ScheduleLR
from core.training.models import pretrained
from tests.benchmarks.loaders import Loaders, from_files, from_memory
from tests.benchmarks.scenarios import Scenario, thaws

CLASSES = 10


@dataclass(frozen=True, slots=True)
class Start:
    """A model that has not been trained yet, and how it is to be.

    `thaws` says which groups thaw at which epoch, `rates` which learning rate a group has at which
    optimizer step; `still` are the groups whose BatchNorm never moves.
    """

    model: nn.Module
    groups: dict[str, list[Layer]]
    thaws: dict[int, tuple[str, ...]]
    still: frozenset[str]
    rates: dict[str, list[float]]
    epochs: int
    loaders: Loaders

    def parameters(self, group: str) -> list[nn.Parameter]:
        """The parameters of a group."""
        return parameters_of(self.groups[group])

    def hold_still(self, frozen: Iterable[str]) -> None:
        """Put what is frozen into eval mode, after `model.train()`."""
        frozen = set(frozen)
        for name, layers in self.groups.items():
            for module in (
                m for layer in layers if isinstance(layer, nn.Module) for m in layer.modules()
            ):
                if name in frozen or (name in self.still and isinstance(module, _BatchNorm)):
                    module.training = False


def make(scenario: Scenario, folder: Path | None) -> Start:
    """The start that Thaw has for the same schedule and settings, bit for bit."""
    schedule, settings = scenario.schedule, scenario.settings(folder)
    torch.manual_seed(settings.seed)
    network = pretrained(schedule.model, CLASSES, settings.image_size)
    if folder is None:
        loaders, classes = from_memory(settings, network.mean, network.std)
        assert classes == CLASSES
    else:
        loaders = from_files(folder, settings, network.mean, network.std)
    return Start(
        model=network.model,
        groups=resolve_groups(network.model, group_paths(schedule)),
        thaws=thaws(schedule),
        still=frozenset(group.name for group in schedule.groups if group.batchnorm == "eval"),
        rates=_rates(scenario, settings),
        epochs=schedule.epochs,
        loaders=loaders,
    )


def _rates(scenario: Scenario, settings: RunSettings) -> dict[str, list[float]]:
    """The rate of every group at every step, and one more, by the scheduler that a run uses."""
    names = [group.name for group in scenario.schedule.groups]
    optimizer = torch.optim.SGD(
        [{"params": [nn.Parameter(torch.zeros(1))], "name": name} for name in names], lr=1.0
    )
    steps = steps_per_epoch(scenario.images, settings.batch_size)
    scheduler = ScheduleLR(optimizer, scenario.schedule, steps)
    table = [scheduler.rates_at(step) for step in range(steps * scenario.schedule.epochs + 1)]
    return dict(zip(names, map(list, zip(*table, strict=True)), strict=True))
