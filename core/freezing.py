"""Freezing groups of layers so that they do not change at all, and thawing them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, cast

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.errors import InputError, ModelError, nearest, quoted
from core.grouping import Layer, LayerGroups, check_cover, parameters_of
from core.schedule import plan
from core.schedule.spec import Schedule

_HANDLE = "_thaw_hold"
_FROZEN = "_thaw_frozen"
"""Marks parameters that freezing has left without gradients, unlike constant ones."""


def freeze_group(layers: Iterable[Layer]) -> None:
    """Freeze the layers: no gradients, and eval mode that `model.train()` does not undo."""
    set_group(layers, trainable=False)


def unfreeze_group(layers: Iterable[Layer]) -> None:
    """Thaw the layers: gradients, and train mode for modules that freezing held in eval mode.

    All parameters get gradients except those that cannot have any, such as integers.
    """
    set_group(layers, trainable=True)


def count_trainable(model: nn.Module) -> int:
    """Return how many elements the model's trainable parameters have; tied ones count once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def set_group(
    layers: Iterable[Layer],
    *,
    trainable: bool,
    when_frozen: Literal["eval", "train"] = "eval",
    batchnorm: Literal["eval"] | None = None,
    training: bool = True,
    keep_constant: bool = False,
) -> None:
    """Thaw or freeze the layers; doing so again changes nothing.

    A frozen parameter has `requires_grad` False and no gradient, since the optimizer would still
    apply one that was left. With `when_frozen="eval"` every frozen module is in eval mode, so that
    BatchNorm's running statistics and dropout hold still; a forward pre-hook sets eval mode again
    after a `model.train()`. With `"train"` the mode is left alone, and BatchNorm's statistics go on
    moving. With `batchnorm="eval"` BatchNorm modules are held in eval mode also while the layers
    train: they use their running statistics and do not change them.

    A module that is no longer held takes the mode `training`, which should be the model's own.
    Modules that were not held keep their mode. With `keep_constant`, parameters that the model
    itself has without gradients stay without.
    """
    if isinstance(layers, nn.Module) and not isinstance(layers, Iterable):
        wrong = f"is one {type(layers).__name__}, not a list"
        raise InputError("layers", wrong, "write [layer]")
    layers = list(layers)
    for place, layer in enumerate(layers):
        if not isinstance(cast(Any, layer), (nn.Module, nn.Parameter)):
            way_out = "give modules and parameters, as in get_layer_groups(model)['head']"
            raise InputError(f"layers[{place}]", f"is a {type(layer).__name__}", way_out)
    for parameter in parameters_of(layers):
        trains = may_train(parameter)
        if trainable and not keep_constant:
            trains = trains or parameter.is_floating_point() or parameter.is_complex()
        mark_frozen(parameter, trains and not trainable)
        parameter.requires_grad_(trains and trainable)
        if not parameter.requires_grad:
            parameter.grad = None
    all_held = not trainable and when_frozen == "eval"
    for layer in layers:
        for module in layer.modules() if isinstance(layer, nn.Module) else ():
            if all_held or (batchnorm == "eval" and isinstance(module, _BatchNorm)):
                hold(module)
            else:
                release(module, training)


def apply_plan(
    layer_groups: LayerGroups, schedule: Schedule, epoch: int, *, training: bool = True
) -> None:
    """Put every group of the schedule into its state in that epoch.

    The result depends only on the epoch (from 0): it may be called for any epoch, in any order, any
    number of times, before or after `model.train()`. `training` is the mode of the modules that it
    thaws. Parameters that the model itself has without gradients, such as the base of a LoRA
    adapter, stay without.

    Raises InputError for a negative epoch, or when a group of the schedule has no layers.
    """
    _check_epoch(epoch)
    for group in schedule.groups:
        if group.name not in layer_groups:
            way_out = nearest(group.name, layer_groups)
            raise InputError("layer_groups", f"have no group {group.name!r}", way_out)
        set_group(
            layer_groups[group.name],
            trainable=plan.trains_in(group, epoch),
            when_frozen=group.when_frozen,
            batchnorm=group.batchnorm,
            training=training,
            keep_constant=True,
        )


def check_can_train(layer_groups: LayerGroups, schedule: Schedule) -> None:
    """Raise ModelError if a group should train, but all its parameters are without gradients."""
    for place, group in enumerate(schedule.groups):
        if group.trainable and not any(map(may_train, parameters_of(layer_groups[group.name]))):
            wrong = (
                f"lets {group.name!r} train, but requires_grad is False for all of its parameters"
            )
            way_out = "set it to True for those that should train, or remove the group's windows"
            raise ModelError(f"groups[{place}].trainable", wrong, way_out)


class GradualUnfreezer:
    """Thaws groups at the epochs of a schedule such as `{0: ["head"], 2: ["layer4"]}`.

    Creating one puts the model into the state of epoch 0. Groups that the schedule does not name
    stay frozen; the others thaw by `unfreeze_group`, after which they have no hooks.

    Raises InputError for an unknown group or a negative epoch, ModelError (also an InputError)
    when a parameter of the model is in no group.
    """

    def __init__(
        self,
        model: nn.Module,
        layer_groups: LayerGroups,
        unfreeze_schedule: Mapping[int, Sequence[str]],
    ) -> None:
        check_cover(model, layer_groups)
        self.model = model
        self.layer_groups = layer_groups
        self.opens_at: dict[str, int] = {}
        for epoch, names in unfreeze_schedule.items():
            field = f"unfreeze_schedule[{quoted(epoch)}]"
            if not isinstance(epoch, int) or epoch < 0:
                raise InputError(field, "is not an epoch", "count epochs from 0")
            if isinstance(names, str):
                raise InputError(field, f"is {names!r}, not a list", f"write [{names!r}]")
            for name in names:
                if name not in layer_groups:
                    way_out = nearest(str(name), layer_groups)
                    raise InputError(field, f"has {quoted(name)}, which is not a group", way_out)
                self.opens_at[name] = min(epoch, self.opens_at.get(name, epoch))
        self.step(0)

    def step(self, epoch: int) -> None:
        """Thaw the groups named for `epoch` or earlier, and freeze all others.

        The result depends only on the epoch (from 0), so a resumed run needs no state. Thawed
        modules take the model's own mode, train or eval.

        Raises InputError for a negative epoch, and ModelError if layers of the model have been
        replaced since the groups were made.
        """
        _check_epoch(epoch)
        check_cover(self.model, self.layer_groups)
        for name, layers in self.layer_groups.items():
            trains = name in self.opens_at and self.opens_at[name] <= epoch
            set_group(layers, trainable=trains, training=self.model.training)


def detach(model: nn.Module) -> None:
    """Remove all hooks from a model, and give gradients to all that may train.

    Modules that were held take the model's own mode, train or eval. Doing so again changes nothing.
    """
    for parameter in model.parameters():
        parameter.requires_grad_(may_train(parameter))
        mark_frozen(parameter, False)
    for module in model.modules():
        release(module, model.training)


def may_train(parameter: nn.Parameter) -> bool:
    """Return whether the parameter has gradients, or had them before it was frozen."""
    return parameter.requires_grad or is_frozen(parameter)


def is_frozen(parameter: nn.Parameter) -> bool:
    """Return whether the parameter is marked as frozen by `mark_frozen`."""
    return _FROZEN in parameter.__dict__


def mark_frozen(parameter: nn.Parameter, frozen: bool) -> None:
    """Mark on the parameter itself whether freezing has left it without gradients."""
    if frozen:
        setattr(parameter, _FROZEN, True)
    else:
        parameter.__dict__.pop(_FROZEN, None)


def is_held(module: nn.Module) -> bool:
    """Return whether this module itself is held in eval mode by freezing."""
    return _HANDLE in module.__dict__


def hold(module: nn.Module) -> None:
    """Put a module, without its children, into eval mode, which `model.train()` does not undo."""
    module.training = False
    if not is_held(module):
        # kept on the module, so that deepcopy and pickle carry hook and handle together
        setattr(module, _HANDLE, module.register_forward_pre_hook(_hold_still, prepend=True))


def release(module: nn.Module, training: bool) -> None:
    """Stop holding a module in eval mode, and give it the mode `training`."""
    handle = module.__dict__.pop(_HANDLE, None)
    if handle is not None:
        handle.remove()
        module.training = training


def _hold_still(module: nn.Module, inputs: Any) -> None:
    # only its own flag: a child of a frozen module may have been thawed by itself
    if module.training:
        module.training = False


def _check_epoch(epoch: int) -> None:
    if not isinstance(cast(Any, epoch), Integral):
        raise InputError("epoch", f"is {quoted(epoch)}", "give a whole number from 0")
    if epoch < 0:
        raise InputError("epoch", f"is {epoch}", "count epochs from 0")
