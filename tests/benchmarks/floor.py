"""The floor: the plain loop over stored boundaries, and nothing planned, proved, saved or audited.

What is frozen runs over every image once, before the first epoch. The weights are the plain loop's,
bit for bit, so it tells about how little an exact run can take on a machine. It is written for
ResNets that thaw stage by stage, with images in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from core.training.device import keep_freed_memory
from tests.benchmarks.start import Start

_BATCH = 32


def fine_tune(start: Start) -> nn.Module:
    """The plain loop's weights, bit for bit."""
    keep_freed_memory()
    stages = _stages(start.model)
    lowest = [_lowest(start, epoch) for epoch in range(start.epochs)]
    start.model.eval()  # none of what the pass goes through trains before it is no longer stored
    (train, truth), (validation, validation_truth) = (
        _pass(loader, stages, set(lowest)) for loader in start.loaders
    )
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(
        [{"params": start.parameters(name), "lr": 1.0, "name": name} for name in start.groups]
    )
    scheduler = LambdaLR(optimizer, [start.rates[name].__getitem__ for name in start.groups])
    for at in lowest:
        frozen = list(start.groups)[:at]
        start.model.train()
        start.hold_still(frozen)
        for name in start.groups:
            for parameter in start.parameters(name):
                parameter.requires_grad_(name not in frozen)
        network = nn.Sequential(*stages[at:])
        for positions in start.loaders[0].sampler:
            optimizer.zero_grad()
            loss = loss_function(network(train[at][positions]), truth[positions])
            loss.backward()
            optimizer.step()
            scheduler.step()
            loss.item()
        start.model.eval()
        with torch.no_grad():
            for positions in start.loaders[1].sampler:
                loss_function(
                    network(validation[at][positions]), validation_truth[positions]
                ).item()
    return start.model


def _stages(model: Any) -> list[nn.Module]:
    """What the images flow through, a stage per group."""
    return [
        nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool),
        model.layer1,
        model.layer2,
        model.layer3,
        nn.Sequential(model.layer4, model.avgpool, nn.Flatten()),
        model.fc,
    ]


def _lowest(start: Start, epoch: int) -> int:
    """The first stage that trains in an epoch; so do all above it."""
    thawed = {name for at, names in start.thaws.items() if at <= epoch for name in names}
    return [name in thawed for name in start.groups].index(True)


@torch.no_grad()
def _pass(
    loader: DataLoader[Any], stages: Sequence[nn.Module], wanted: set[int]
) -> tuple[dict[int, Tensor], Tensor]:
    """Run all images once; gives what flows into each of the wanted stages, and the labels."""
    images: Any = loader.dataset
    stored: dict[int, list[Tensor]] = {at: [] for at in wanted}
    labels = []
    for positions in torch.arange(len(images)).split(_BATCH):
        flowing, truth = images[positions.tolist()]
        labels.append(truth)
        for at in range(max(wanted) + 1):
            if at in wanted:
                stored[at].append(flowing)
            if at < max(wanted):
                flowing = stages[at](flowing)
    return {at: torch.cat(rows) for at, rows in stored.items()}, torch.cat(labels)
