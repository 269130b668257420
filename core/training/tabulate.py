"""The layer table of a model, which is built on the meta device and so takes no memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from core.grouping import DEFAULT_GROUPING, Layer, parameters_of, resolve_groups, suggested_paths
from core.models.layer_table import Grouping, Head, LayerGroup, LayerTable, TableLayer
from core.suggest import heads_of
from core.training import models
from core.training.forward_costs import nodes_of
from core.training.models import CLASSES
from core.training.weights import names_of_weights


def tabulate(name: str) -> LayerTable:
    """Return the layer table of a model, such as `torchvision/resnet18`, for 1,000 classes.

    Raises ModelError for an unknown model.
    """
    model = models.build(name, device="meta", classes=CLASSES)
    return LayerTable(
        model=name,
        parameters=_size([model]),
        weights=names_of_weights(name),
        groupings=tuple(
            Grouping(name=way, groups=_groups(model, groups))
            for way, groups in suggested_paths(model).items()
        ),
        default=DEFAULT_GROUPING,
        heads=_heads(model, CLASSES),
        layers=layers_of(model),
        nodes=nodes_of(
            lambda size: models.build(name, device="meta", image_size=size, classes=CLASSES),
            models.native_size(name),
        ),
    )


def layers_of(model: nn.Module) -> tuple[TableLayer, ...]:
    """Return the modules that own parameters themselves, in the order of registration.

    A tied parameter is listed where it comes first.
    """
    listed: set[int] = set()
    layers: list[TableLayer] = []
    for path, module in model.named_modules():
        new = {
            name: parameter
            for name, parameter in module.named_parameters(recurse=False)
            if id(parameter) not in listed
        }
        listed.update(map(id, new.values()))
        if new:
            sizes = {name: parameter.numel() for name, parameter in new.items()}
            layers.append(TableLayer(path=path, kind=type(module).__name__, parameters=sizes))
    return tuple(layers)


def _groups(model: nn.Module, paths: Mapping[str, tuple[str, ...]]) -> tuple[LayerGroup, ...]:
    resolved = resolve_groups(model, paths)
    return tuple(
        LayerGroup(name=name, modules=modules, parameters=_size(resolved[name]))
        for name, modules in paths.items()
    )


def _heads(model: nn.Module, classes: int) -> tuple[Head, ...]:
    """Return the modules that have a row of weights for each class, and no other parameters."""
    heads = []
    for path in heads_of(model):
        parameters = dict(model.get_submodule(path).named_parameters())
        if parameters.keys() <= {"weight", "bias"} and all(
            len(parameter) == classes for parameter in parameters.values()
        ):
            features = parameters["weight"].numel() // classes
            heads.append(Head(path=path, features=features, bias="bias" in parameters))
    return tuple(heads)


def _size(layers: Sequence[Layer]) -> int:
    return sum(parameter.numel() for parameter in parameters_of(layers))
