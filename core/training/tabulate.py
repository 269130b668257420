"""Making a model's layer table: the model itself is built without memory, on the meta device."""

from __future__ import annotations

from collections.abc import Mapping

import torchvision
from torch import nn

from core.design.layers import Grouping, Head, Layer, LayerGroup, LayerTable
from core.grouping import DEFAULT, parameters_of, resolve_groups, suggested_paths
from core.grouping import Layer as Part
from core.training import models
from core.training.forward import nodes_of


def tabulate(name: str) -> LayerTable:
    """The layer table of a model by its full name, such as `torchvision/resnet18`.

    A layer is a module that owns parameters itself, in the order of registration; a tied parameter
    is listed where it comes first. Raises ModelError for an unknown model, or one without default
    groups.
    """
    model = models.build(name, device="meta")
    return LayerTable(
        model=name,
        parameters=_size([model]),
        weights=_weights(name),
        groupings=tuple(
            Grouping(name=grouping, groups=_groups(model, groups))
            for grouping, groups in suggested_paths(model).items()
        ),
        default=DEFAULT,
        heads=_heads(name),
        layers=layers_of(model),
        nodes=nodes_of(lambda size: models.build(name, device="meta", image_size=size)),
    )


def layers_of(model: nn.Module) -> tuple[Layer, ...]:
    """The modules that own parameters themselves, in order; a tied one is listed once."""
    seen: set[int] = set()
    layers: list[Layer] = []
    for path, module in model.named_modules():
        own = {
            name: parameter
            for name, parameter in module.named_parameters(recurse=False)
            if id(parameter) not in seen
        }
        seen.update(map(id, own.values()))
        if own:
            sizes = {name: parameter.numel() for name, parameter in own.items()}
            layers.append(Layer(path=path, kind=type(module).__name__, parameters=sizes))
    return tuple(layers)


def _groups(model: nn.Module, paths: Mapping[str, tuple[str, ...]]) -> tuple[LayerGroup, ...]:
    resolved = resolve_groups(model, paths)
    return tuple(
        LayerGroup(name=name, modules=modules, parameters=_size(resolved[name]))
        for name, modules in paths.items()
    )


def _heads(name: str) -> tuple[Head, ...]:
    """The modules whose size follows the number of classes."""
    one, other = (
        dict(models.build(name, device="meta", classes=classes).named_parameters())
        for classes in (7, 11)
    )
    return tuple(
        Head(
            path=path.removesuffix(".weight"),
            features=weight.numel() // 7,
            bias=path.removesuffix("weight") + "bias" in one,
        )
        for path, weight in one.items()
        if path.endswith(".weight") and weight.shape != other[path].shape
    )


def _weights(name: str) -> tuple[str, ...]:
    library, _, short = name.partition("/")
    if library == "torchvision":
        known = torchvision.models.get_model_weights(short)
        best = known.__members__["DEFAULT"]  # an alias, so it is not among the members below
        return (best.name, *(weights.name for weights in known if weights is not best))
    return (models.BUNDLED,) if name == models.BUNDLED_MODEL else ()


def _size(parts: list[Part] | list[nn.Module]) -> int:
    return sum(parameter.numel() for parameter in parameters_of(parts))
