"""The recording of an existing training loop, its rates and its freezing, without any training."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import signature
from numbers import Integral
from types import NoneType
from typing import Any, cast

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from core.errors import InputError, quoted
from core.freezing import hold, is_frozen, is_held, mark_frozen, release
from core.grouping import check_module
from core.records.recorded_loop import LoopGroup, ParamGroupOptions, RecordedLoop
from core.schedule.words import numbered
from core.suggest import shortest_paths

_KNOWN = ("params", "lr", *ParamGroupOptions._fields)
_IGNORED = ("foreach", "fused", "capturable", "differentiable")
"""Options that only choose how a step is computed; schedules leave all others at their defaults."""
OUTSIDE = "not in the optimizer"
"""The name of the group of parameters that are in no param group: they never train."""


def from_optimizer(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler | None,
    epochs: int,
    *,
    steps_per_epoch: int = 1,
    before_epoch: Callable[[int], object] | None = None,
) -> RecordedLoop:
    """Return the recording of a loop: the rates of each step, and what trains in each epoch.

    `steps_per_epoch` is how often the loop calls `scheduler.step()` in an epoch; without a
    scheduler the rates stay. `before_epoch` is what the loop does when an epoch (from 0) begins,
    such as `unfreezer.step`. Nothing is trained, and everything is restored afterwards: rates,
    scheduler, `requires_grad`, train mode, gradients. Meanwhile the scheduler works on a copy of
    its state.

    A param group whose parameters train in different epochs is split. Groups have their `"name"`,
    or else are called `group 0`, `group 1`.

    Raises InputError for anything but a model, an optimizer and a scheduler of it; for less than
    one epoch or step; for a scheduler whose rates depend on a metric, or which holds what cannot be
    copied, such as a generator; and for a `before_epoch` that adds or removes param groups.
    """
    check_module(model)
    _check(optimizer, scheduler, epochs, steps_per_epoch)
    rates: list[list[float]] = []
    trains: list[dict[int, bool]] = []
    defaults = {k: v.default for k, v in signature(type(optimizer)).parameters.items()}
    options: list[dict[ParamGroupOptions, None]] = [{} for _ in optimizer.param_groups]
    with _restored(model, optimizer, scheduler):
        for epoch in range(epochs):
            if before_epoch is not None:
                before_epoch(epoch)
                _refuse_other_groups(optimizer, len(options), epoch)
            trains.append({id(p): p.requires_grad for p in model.parameters()})
            for _ in range(steps_per_epoch):
                rates.append([float(group["lr"]) for group in optimizer.param_groups])
                for different, group in zip(options, optimizer.param_groups, strict=True):
                    different[_options(group, defaults)] = None
                if scheduler is not None:
                    scheduler.step()
    return RecordedLoop(
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        optimizer=type(optimizer).__name__,
        groups=tuple(_groups(model, optimizer, rates, trains, [tuple(each) for each in options])),
    )


def _options(group: dict[str, Any], defaults: dict[str, Any]) -> ParamGroupOptions:
    return ParamGroupOptions(
        float(group.get("weight_decay", 0.0)),
        float(group.get("momentum", 0.0)),
        tuple(
            f"{option}={group[option]}"
            for option, default in sorted(defaults.items())
            if option not in (*_KNOWN, *_IGNORED) and group.get(option, default) != default
        ),
    )


def _groups(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rates: list[list[float]],
    trains: list[dict[int, bool]],
    options: list[tuple[ParamGroupOptions, ...]],
) -> Iterator[LoopGroup]:
    """Yield the groups, in the order of their first parameters in the model."""
    place = {id(p): at for at, group in enumerate(optimizer.param_groups) for p in group["params"]}
    parts: dict[tuple[int, tuple[bool, ...]], list[str]] = {}
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        at = place.get(id(parameter), -1)
        pattern = tuple(at >= 0 and epoch[id(parameter)] for epoch in trains)
        parts.setdefault((at, pattern), []).append(name)
    taken: set[str] = set()
    for (at, pattern), names in parts.items():
        name = _name(optimizer, at, taken)
        yield LoopGroup(
            name,
            shortest_paths(model, names),
            sum(sizes[each] for each in names),
            tuple(step[at] if at >= 0 else 0.0 for step in rates),
            pattern,
            options[at] if at >= 0 else (),
        )


def _name(optimizer: torch.optim.Optimizer, at: int, taken: set[str]) -> str:
    """Return a group's name, with a number from 2 if it is taken."""
    named = optimizer.param_groups[at].get("name") if at >= 0 else OUTSIDE
    names = numbered(str(named) if named is not None else f"group {at}", " ({})")
    name = next(each for each in names if each not in taken)
    taken.add(name)
    return name


@contextmanager
def _restored(
    model: nn.Module, optimizer: torch.optim.Optimizer, scheduler: LRScheduler | None
) -> Iterator[None]:
    """Restore, after the context, all that `before_epoch` and the scheduler's steps may change."""
    groups = list(optimizer.param_groups)
    options = [{k: v for k, v in g.items() if k != "params"} for g in groups]
    # schedulers fill a rate that is a tensor in place
    tensors = [(v, v.clone()) for g in options for v in g.values() if isinstance(v, torch.Tensor)]
    state = {} if scheduler is None else dict(vars(scheduler))
    copied = _copied(state, [scheduler, optimizer, model])
    parameters = [(p, p.requires_grad, is_frozen(p), p.grad) for p in model.parameters()]
    modes = [(module, is_held(module), module.training) for module in model.modules()]
    try:
        if scheduler is not None:
            vars(scheduler).update(copied)
        with warnings.catch_warnings():
            # the scheduler steps before the optimizer on purpose
            warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
            yield
    finally:
        if scheduler is not None:
            vars(scheduler).clear()
            vars(scheduler).update(state)
        optimizer.param_groups[:] = groups
        for group, before in zip(groups, options, strict=True):
            group.update(before)
        for tensor, value in tensors:
            tensor.copy_(value)
        for parameter, requires_grad, frozen, grad in parameters:
            parameter.requires_grad_(requires_grad)
            mark_frozen(parameter, frozen)
            parameter.grad = grad
        for module, held, training in modes:
            if held:
                hold(module)
            else:
                release(module, training)
            module.training = training


def _copied(content: dict[str, Any], shared: list[object]) -> dict[str, Any]:
    """Return a deep copy in which the objects `shared` are not copied; else raise InputError."""
    try:
        return copy.deepcopy(content, {id(each): each for each in shared})
    except (TypeError, RuntimeError, copy.Error) as error:
        wrong = f"holds what cannot be copied ({error}), so it might come back used up"
        raise InputError("scheduler", wrong, "take that out of it while it is recorded") from None


def _refuse_other_groups(optimizer: torch.optim.Optimizer, count: int, epoch: int) -> None:
    now = len(optimizer.param_groups)
    if now != count:
        wrong = f"leaves {now} param groups in epoch {epoch}, where there were {count}"
        way_out = "give the optimizer all groups at first, and freeze them with requires_grad"
        raise InputError("before_epoch", wrong, way_out)


def _check(
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler | None,
    epochs: int,
    steps_per_epoch: int,
) -> None:
    if not isinstance(cast(Any, optimizer), torch.optim.Optimizer):
        raise InputError("optimizer", f"is a {type(optimizer).__name__}", "give one of torch.optim")
    if not isinstance(cast(Any, scheduler), (LRScheduler, NoneType)):
        way_out = "give one of torch.optim.lr_scheduler, or None"
        raise InputError("scheduler", f"is a {type(scheduler).__name__}", way_out)
    for field, value in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
        if not isinstance(cast(Any, value), Integral) or value < 1:
            raise InputError(field, f"is {quoted(value)}", "give 1 or more, a whole number")
    if isinstance(scheduler, ReduceLROnPlateau):
        way_out = "record its rates in a real run"
        raise InputError("scheduler", "has rates that depend on a metric", way_out)
    if scheduler is not None and scheduler.optimizer is not optimizer:
        raise InputError(
            "scheduler", "belongs to another optimizer", "give the scheduler of this one"
        )
