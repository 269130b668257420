"""The floor: a loop by hand over stored boundaries; nothing is planned, compared, saved or audited.

What is frozen runs over every image once, before the first epoch. An exact floor ends with the
weights of a run of Thaw, bit for bit, so it tells how little such a run can take on a machine. A
fast one uses what `--precision fast` does: BatchNorm folded into what is frozen, and bfloat16 and
channels last where the processor has bfloat16. It is written for ResNets that thaw stage by stage,
with images in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from core.runs.settings import make_settings
from core.training import numerics
from core.training.device import keep_freed_memory
from core.training.numerics import Arithmetic
from tests.benchmarks.start import Start

_BATCH = 32


def fine_tune(start: Start, precision: str = "exact") -> nn.Module:
    """The weights of a run with that precision."""
    keep_freed_memory()
    settings = make_settings(precision=precision, device="cpu")
    arithmetic = numerics.arithmetic_of(settings, torch.device("cpu"))
    if arithmetic.channels_last:
        start.model.to(memory_format=torch.channels_last)
    stages = _stages(start.model)
    lowest = [_lowest(start, epoch) for epoch in range(start.epochs)]
    start.model.eval()  # none of what the pass goes through trains before it is no longer stored
    (train, labels), (validation, validation_labels) = (
        _pass(loader, stages, set(lowest), arithmetic) for loader in start.loaders
    )
    optimizer = torch.optim.Adam(
        [{"params": start.parameters(name), "lr": 1.0, "name": name} for name in start.groups],
        fused=True,
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
        batches = start.loaders[0].sampler
        for positions in batches:
            _train(network, train[at], labels, positions, optimizer, arithmetic)
            scheduler.step()
        start.model.eval()
        for positions in start.loaders[1].sampler:
            _evaluate(network, validation[at], validation_labels, positions, arithmetic)
    return start.model.to(memory_format=torch.contiguous_format)  # as the file has them


def _train(
    network: nn.Module,
    rows: Tensor,
    labels: Tensor,
    positions: list[int],
    optimizer: torch.optim.Optimizer,
    arithmetic: Arithmetic,
) -> None:
    optimizer.zero_grad()
    with arithmetic.autocast():
        logits = network(rows[positions])
    loss = nn.functional.cross_entropy(logits.float(), labels[positions])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    loss.item()


@torch.no_grad()
def _evaluate(
    network: nn.Module, rows: Tensor, labels: Tensor, positions: list[int], arithmetic: Arithmetic
) -> None:
    with arithmetic.autocast():
        logits = network(rows[positions])
    nn.functional.cross_entropy(logits.float(), labels[positions]).item()


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
    loader: DataLoader[Any],
    stages: Sequence[nn.Module],
    wanted: set[int],
    arithmetic: Arithmetic,
) -> tuple[dict[int, Tensor], Tensor]:
    """Run all images once; gives what flows into each of the wanted stages, and the labels."""
    images: Any = loader.dataset
    stored: dict[int, list[Tensor]] = {at: [] for at in wanted}
    labels = []
    if arithmetic.is_fast:
        frozen = stages[: max(wanted)]
        stages = [numerics.fold_batchnorm(fx.symbolic_trace(stage)) for stage in frozen]
    for positions in torch.arange(len(images)).split(_BATCH):
        flowing, truth = images[positions.tolist()]
        labels.append(truth)
        if arithmetic.channels_last:
            flowing = flowing.to(memory_format=torch.channels_last)
        for at in range(max(wanted) + 1):
            if at in wanted:
                stored[at].append(flowing)
            if at < max(wanted):
                with arithmetic.autocast():
                    flowing = stages[at](flowing)
    return {at: torch.cat(rows) for at, rows in stored.items()}, torch.cat(labels)
