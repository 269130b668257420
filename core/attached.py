"""A schedule attached to a model in one's own loop: its optimizer, its rates, its freezing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from core import checks, presets
from core.errors import InputError, ModelError, nearest, quoted
from core.freezing import apply_plan, check_can_train, detach
from core.grouping import LayerGroups, check_module, group_paths, resolve_groups
from core.optimizer import build_optimizer
from core.schedule import parse
from core.schedule.spec import Schedule
from core.schedule.words import listed
from core.scheduler import ScheduleLR


@dataclass(frozen=True, slots=True)
class Attached:
    """A schedule attached to a model: `begin` each epoch, step `scheduler` after `optimizer`.

    Call `detach` at the end, or before the model is saved as a whole, exported or scripted.
    """

    model: nn.Module
    schedule: Schedule
    layer_groups: LayerGroups
    optimizer: torch.optim.Optimizer
    scheduler: ScheduleLR

    @property
    def epochs(self) -> int:
        """Epochs of the schedule."""
        return self.schedule.epochs

    def begin(self, epoch: int) -> None:
        """Put the model into train mode, and every group into its state of that epoch (from 0).

        The state is a pure function of the epoch. Raises InputError for a negative one, and
        ModelError (also an InputError) when parameters have been replaced since `attach`.
        """
        self._refuse_replaced_parameters()
        self.model.train()
        apply_plan(self.layer_groups, self.schedule, epoch)

    def detach(self) -> None:
        """Make the model a plain one, which can be pickled, exported and scripted without Thaw.

        Its hooks are removed, and what had gradients at `attach` has them again. A second call
        changes nothing; `begin` freezes the model again.
        """
        detach(self.model)

    def _refuse_replaced_parameters(self) -> None:
        """Raise ModelError unless the optimizer has exactly the model's parameters."""
        groups = self.optimizer.param_groups
        in_optimizer = {id(p) for group in groups for p in group["params"]}
        names = {id(p): name for name, p in self.model.named_parameters()}
        new = [repr(name) for key, name in names.items() if key not in in_optimizer]
        # groups that a loop has added, such as those of a loss, are not the model's
        pairs = zip(groups, self.schedule.groups, strict=False)
        gone = [repr(g.name) for has, g in pairs if any(id(p) not in names for p in has["params"])]
        if not new and not gone:
            return
        wrong = f"lacks parameters of {listed(gone)} that it had at attach()"
        if new:
            wrong = f"has {listed(new)}, not there at attach(), which the optimizer would not move"
        way_out = "attach after layers are replaced, load_state_dict(assign=True) and to_empty()"
        raise ModelError("model", wrong, way_out)


def attach(
    model: nn.Module,
    schedule: Schedule | str | os.PathLike[str],
    steps_per_epoch: int,
    *,
    fused: bool = True,
) -> Attached:
    """Return the schedule attached to the model, which is put into its state of epoch 0.

    `schedule` may be a document, a file, or the name of a preset. `steps_per_epoch` counts
    optimizer steps. The model keeps its own head; it only needs the parts that the schedule's
    groups name. Parameters without gradients, such as the base of a LoRA adapter or a fixed
    position embedding, never train. Frozen groups are held by hooks, which `detach()` removes. A
    group that freezes and thaws again goes on with its momentum or moments, as in runs and exports.
    The optimizer is torch's fused one if the device has it, as in runs; `fused=False` gives the
    bits of torch's plain one, takes sparse gradients, and is what Lightning needs to clip gradients
    in 16-mixed precision.

    Raises ScheduleError for a file that is no schedule, and for a schedule that no run would take,
    such as one with epochs in which nothing trains; InputError for a file that does not exist;
    ModelError if the groups do not fit the model, if no parameter of a group that is to train has
    gradients, and for a model that is wrapped, compiled, scripted, or made in inference mode, or
    whose parameters have no shape. All of them are InputErrors.
    """
    if not isinstance(cast(Any, schedule), (Schedule, str, os.PathLike)):
        wrong = f"is {quoted(schedule)}"
        way_out = (
            "give a file, a preset's name, or what core.schedule.parse.from_raw makes of a dict"
        )
        raise InputError("schedule", wrong, way_out)
    _refuse_what_cannot_be_frozen(model)
    document = schedule if isinstance(schedule, Schedule) else _read(os.fspath(schedule))
    checks.refuse_errors(document, own_model=True)
    try:
        groups = resolve_groups(model, group_paths(document))
    except ModelError as error:
        if isinstance(schedule, Schedule) or not presets.is_preset(os.fspath(schedule)):
            raise
        other_models = (
            f"the preset {schedule!r} is for {document.model.name}; for another model of "
            "torchvision or timm, attach a file from: "
            f"python -m core presets {schedule} --model MODEL"
        )
        raise ModelError(error.field, error.wrong, f"{error.way_out} ({other_models})") from None
    check_can_train(groups, document)
    optimizer = build_optimizer(document, groups, fused=fused)
    attached = Attached(
        model, document, groups, optimizer, ScheduleLR(optimizer, document, steps_per_epoch)
    )
    attached.begin(0)
    return attached


def _refuse_what_cannot_be_frozen(model: nn.Module) -> None:
    """Raise ModelError for a model whose layers cannot be frozen, or have other paths."""
    check_module(model)
    kind = type(model).__name__
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        way_out = "unwrap it first: give its .module, and train with the wrapped one"
        raise ModelError("model", f"is wrapped in {kind}", way_out)
    if isinstance(getattr(model, "_orig_mod", None), nn.Module):
        way_out = "unwrap it first: give its ._orig_mod, and train with the compiled one"
        raise ModelError("model", f"is compiled ({kind})", way_out)
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            wrong = (
                f"has {path!r}, which is scripted or traced" if path else "is scripted or traced"
            )
            raise ModelError("model", wrong, "give the model that torch.jit was given")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            way_out = (
                "pass a batch through the model first, which gives its lazy layers their shape"
            )
            raise ModelError("model", f"has {name!r}, which has no shape yet", way_out)
        if tensor.is_inference():
            way_out = "make or load the model outside torch.inference_mode()"
            raise ModelError("model", f"has {name!r}, which was made in inference mode", way_out)


def _read(name: str) -> Schedule:
    if presets.is_preset(name):
        return presets.load(name)
    try:
        content = Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        wrong = f"is {name!r}, which cannot be read ({reason})"
        raise InputError("schedule", wrong, nearest(name, presets.names())) from None
    return parse.parse(content)
