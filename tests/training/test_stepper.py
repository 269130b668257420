"""Scaled, clipped and skipped steps have the bits of a PyTorch loop that is written by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.grouping import LayerGroups
from core.optimizer import build_optimizer
from core.schedule.optimizers import SGD, Adam
from core.training.numerics import Arithmetic
from core.training.stepper import Stepper
from tests.training.small import small_schedule

CPU = torch.device("cpu")
STEPS = 6
OVERFLOWS = (0, 3)
"""Steps whose gradients are infinite in float16."""


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def losses(model: nn.Module, step: int, dtype: torch.dtype | None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(8, 4, generator=generator)
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        y = model(x)
    return y.float().square().mean() * (1e38 if step in OVERFLOWS and dtype else 1.0)


def by_hand(
    kind: type, options: dict[str, float | bool], dtype: torch.dtype | None, clip: float | None
) -> nn.Module:
    model = net()
    optimizer = kind(model.parameters(), lr=0.1, **options)
    if options.get("fused") and "momentum" in options:  # which torch leaves uninitialised
        for parameter in model.parameters():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    scaler = torch.amp.GradScaler("cpu", enabled=dtype == torch.float16)
    for step in range(STEPS):
        optimizer.zero_grad()
        scaler.scale(losses(model, step, dtype)).backward()
        scaler.unscale_(optimizer)
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        scaler.step(optimizer)
        scaler.update()
    return model


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("clip", [None, 0.01])
@pytest.mark.parametrize("dtype", [None, torch.float16])
@pytest.mark.parametrize(
    ("spec", "kind", "options"),
    [
        (Adam(name="adam", base_lr=0.1, weight_decay=0.0), torch.optim.Adam, {}),
        (
            SGD(name="sgd", base_lr=0.1, weight_decay=0.0, momentum=0.9),
            torch.optim.SGD,
            {"momentum": 0.9},
        ),
    ],
    ids=["adam", "sgd"],
)
def test_a_step_has_the_bits_of_a_loop_written_by_hand(spec, kind, options, dtype, clip, fused):
    model = net()
    groups: LayerGroups = {"all": [model]}
    plain = small_schedule(1)
    group = plain.groups[0].model_copy(update={"name": "all", "trainable": ((0, None),)})
    schedule = plain.model_copy(update={"optimizer": spec, "groups": (group,)})
    optimizer = build_optimizer(schedule, groups, fused=fused)
    optimizer.param_groups[0]["lr"] = 0.1
    stepper = Stepper(optimizer, Arithmetic(CPU, dtype), clip)
    for step in range(STEPS):
        optimizer.zero_grad()
        stepper.backward(losses(model, step, dtype))
        stepper.step()
    skips = len(OVERFLOWS) if dtype else 0
    assert (stepper.take_skipped(), stepper.take_skipped()) == (skips, 0)
    wanted = by_hand(kind, {"fused": fused, **options}, dtype, clip)
    assert all(map(torch.equal, model.parameters(), wanted.parameters()))
    assert not any(map(torch.equal, model.parameters(), net().parameters()))


def test_gradients_of_several_backward_passes_are_clipped_once_together():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    stepper = Stepper(optimizer, Arithmetic(CPU), 0.5)
    before = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    for step in range(2):
        stepper.backward(100.0 * losses(model, step, None))
    stepper.step()
    after = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    assert float((after - before).norm()) == pytest.approx(0.5, rel=1e-5)
