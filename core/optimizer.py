"""Optimizers with one named param group per layer group, frozen parameters included.

A frozen parameter is in the optimizer from the start, or it would not move after its thaw. While it
is frozen its gradient is None, and every torch optimizer skips it.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import InputError, ModelError, nearest
from core.grouping import LayerGroups, check_cover, parameters_of
from core.schedule import curves
from core.schedule.spec import Schedule


def get_optimizer_with_discriminative_lr(
    model: nn.Module, layer_groups: LayerGroups, base_lr: float = 1e-3, lr_mult: float = 0.1
) -> torch.optim.Adam:
    """Return Adam with one param group per layer group, head first, named by `"name"`.

    lr = base_lr · lr_mult ** i, with i = 0 at the last layer group, the head (ULMFiT,
    arXiv:1801.06146, divides by 2.6 per layer). Both are positive.

    Raises InputError for a rate or factor that is not positive, ModelError (also an InputError) for
    parameters of the model that are in no group.
    """
    for field, value in (("base_lr", base_lr), ("lr_mult", lr_mult)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(field, f"is {value}", "give a positive number")
    check_cover(model, layer_groups)
    head_first = reversed(list(layer_groups.items()))
    return torch.optim.Adam(
        [
            {"params": parameters_of(layers), "lr": base_lr * lr_mult**i, "name": name}
            for i, (name, layers) in enumerate(head_first)
        ]
    )


def build_optimizer(
    schedule: Schedule, layer_groups: LayerGroups, *, fused: bool = True
) -> torch.optim.Optimizer:
    """Return the schedule's optimizer: one param group per group, in order, at the rate of step 0.

    With `fused`, torch's fused implementation is used where there is one, on the CPU and on CUDA.
    Raises ModelError when the names of the layer groups are not those of the schedule.
    """
    names = [group.name for group in schedule.groups]
    for name in names:
        if name not in layer_groups:
            raise ModelError("layer_groups", f"have no group {name!r}", nearest(name, layer_groups))
    for name in layer_groups:
        if name not in names:
            raise ModelError("layer_groups", f"have a group {name!r}", nearest(name, names))
    groups: list[dict[str, Any]] = [
        {
            "params": parameters_of(layer_groups[group.name]),
            "lr": float(curves.lr(schedule, group, 0.0)),
            "name": group.name,
        }
        for group in schedule.groups
    ]
    spec = schedule.optimizer
    options = spec.options()
    if fused and spec.has_fused and all(_can_fuse(p) for g in groups for p in g["params"]):
        options["fused"] = True
    optimizer: torch.optim.Optimizer = getattr(torch.optim, spec.title())(
        groups, lr=spec.base_lr, **options
    )
    if "fused" in options:
        optimizer.register_load_state_dict_post_hook(_lay_out)
        if buffer := spec.fused_buffer():
            optimizer.register_step_pre_hook(partial(_fill, buffer))
    return optimizer


def _can_fuse(parameter: nn.Parameter) -> bool:
    """Return whether the fused kernels, which ignore strides, take the parameter."""
    on_device = parameter.device.type in ("cpu", "cuda") and not parameter.is_complex()
    return on_device and torch.empty_like(parameter).stride() == parameter.stride()


def _lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Give loaded state the strides of its parameters, whose memory format may have changed."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter).copy_(value)


def _fill(buffer: str, optimizer: torch.optim.Optimizer, *_: object) -> None:
    """Give each parameter that is about to take its first step a buffer of zeros."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None and buffer not in optimizer.state[parameter]:
                optimizer.state[parameter][buffer] = torch.zeros_like(parameter)
