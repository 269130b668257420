"""The exercise as it is written with PyTorch's own classes, none of Thaw's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR


def sgd(peaks: list[float]) -> torch.optim.Optimizer:
    rows: list[dict[str, Any]] = [
        {"params": [nn.Parameter(torch.ones(1))], "lr": peak} for peak in peaks
    ]
    return torch.optim.SGD(rows)


def sequential(
    optimizer: torch.optim.Optimizer, warmup: int, total: int, eta_min: float = 1e-6
) -> SequentialLR:
    """The exercise's scheduler as it is written with PyTorch's own classes."""
    rise = LinearLR(optimizer, start_factor=0.1, total_iters=warmup)
    fall = CosineAnnealingLR(optimizer, T_max=total - warmup, eta_min=eta_min)
    return SequentialLR(optimizer, [rise, fall], [warmup])


def rates(optimizer: torch.optim.Optimizer, scheduler: LRScheduler) -> Iterator[list[float]]:
    """The rates that the optimizer has in one epoch after another."""
    while True:
        yield [float(group["lr"]) for group in optimizer.param_groups]
        optimizer.step()
        scheduler.step()


def table(optimizer: torch.optim.Optimizer, scheduler: LRScheduler, epochs: int) -> np.ndarray:
    return np.array(
        [row for row, _ in zip(rates(optimizer, scheduler), range(epochs), strict=False)]
    )


def step_of_adam(rate: float) -> float:
    """How far a step of Adam moves a weight whose gradient stays the same."""
    weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.Adam([weight], lr=rate)
    for _ in range(100):
        optimizer.zero_grad()
        (3.0 * weight).sum().backward()
        optimizer.step()
    return abs(weight.item()) / 100
