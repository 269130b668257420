"""Groups of layers: the parameters of a model, split by identity into named groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import nn

from core.errors import ModelError, nearest
from core.schedule.paths import prefixes
from core.schedule.spec import Schedule
from core.suggest import Paths, backbone, suggest

Layer = nn.Module | nn.Parameter
"""A module, or a parameter that belongs to none of the group's modules."""

LayerGroups = Mapping[str, Sequence[Layer]]
"""Groups by name, from input to output."""

_RESNET: Paths = {
    "stem": ("conv1", "bn1"),
    "layer1": ("layer1",),
    "layer2": ("layer2",),
    "layer3": ("layer3",),
    "layer4": ("layer4",),
    "head": ("fc",),
}
_EFFICIENTNET: Paths = {  # cut where the resolution halves
    "stem": ("conv_stem", "bn1", "blocks.0"),
    "stage1": ("blocks.1",),
    "stage2": ("blocks.2",),
    "stage3": ("blocks.3", "blocks.4"),
    "stage4": ("blocks.5", "blocks.6"),
    "conv_head": ("conv_head", "bn2"),
    "head": ("classifier",),
}

_TRANSFORMER: Paths = {  # the twelve blocks in thirds
    "embed": ("patch_embed", "cls_token", "pos_embed"),
    "blocks1": ("blocks.0", "blocks.1", "blocks.2", "blocks.3"),
    "blocks2": ("blocks.4", "blocks.5", "blocks.6", "blocks.7"),
    "blocks3": ("blocks.8", "blocks.9", "blocks.10", "blocks.11"),
    "head": ("norm", "head"),
}


DEFAULT_GROUPING = "stages"
"""The grouping that a new schedule takes."""


def get_layer_groups(model: nn.Module) -> dict[str, list[Layer]]:
    """Return the modules of each default group, by group name, from input to output.

    They are stem (conv1, bn1), layer1 … layer4 and head (fc) for a ResNet; stem, stage1 … stage4,
    conv_head and head for an EfficientNet of timm; embed (with its bare parameters cls_token and
    pos_embed), blocks1 … blocks3 and head for a vision transformer of twelve blocks. Models are
    recognised by their modules, also with another head. Any other model is grouped by
    `core.suggest`.

    Raises ModelError for a model without parameters, and for anything but a model.
    """
    paths_by_group, known = default_paths(model), _parts(model)
    groups = {name: [known[path] for path in paths] for name, paths in paths_by_group.items()}
    check_cover(model, groups)
    return groups


def default_paths(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """Return the paths of each default group of a model, by group name."""
    return suggested_paths(model)[DEFAULT_GROUPING]


def suggested_paths(model: nn.Module) -> dict[str, Paths]:
    """Return the groupings of a model, from coarse to fine: "backbone", "stages", "blocks".

    Raises ModelError for a model without parameters.
    """
    check_module(model)
    if not _names(model):
        raise ModelError(
            "model", f"is a {type(model).__name__} without parameters", "use one that has some"
        )
    suggested = suggest(model)
    known = (_RESNET, _EFFICIENTNET, _TRANSFORMER)
    stages = next((each for each in known if _is_cut_by(model, each)), None)
    if stages is None:
        return suggested
    names = {paths: name for name, paths in stages.items()}
    blocks = {names.get(paths, name): paths for name, paths in suggested["blocks"].items()}
    return {"backbone": backbone(stages), DEFAULT_GROUPING: stages, "blocks": blocks}


def _is_cut_by(model: nn.Module, groups: Paths) -> bool:
    """Return whether the model has all paths, and they hold every parameter."""
    known = _parts(model)
    paths = [path for paths in groups.values() for path in paths]
    if any(path not in known for path in paths):
        return False
    return len(parameters_of(known[path] for path in paths)) == len(_names(model))


def group_paths(schedule: Schedule) -> dict[str, tuple[str, ...]]:
    """Return the paths of each group of a schedule, by group name, for `resolve_groups`."""
    return {group.name: group.modules for group in schedule.groups}


def resolve_groups(model: nn.Module, groups: Mapping[str, Sequence[str]]) -> dict[str, list[Layer]]:
    """Return the modules and parameters that each group's paths name, in the order given.

    `groups` maps a group's name to module or parameter paths, as in `named_modules()` and
    `named_parameters()`. Parameters are compared by identity, so tied ones count once.

    Raises ModelError, with the field `groups[2].modules[0]`, for an unknown path, a path that
    holds another group's path, a parameter in two groups; with the field `groups[2].modules` for
    a group without parameters; with the field `groups` for parameters in no group.
    """
    _check_prefixes(groups)
    known = _parts(model)
    names = _names(model)
    owners: dict[int, str] = {}
    resolved: dict[str, list[Layer]] = {}
    for index, (group, paths) in enumerate(groups.items()):
        for position, path in enumerate(paths):
            field = f"groups[{index}].modules[{position}]"
            if path not in known:
                raise ModelError(
                    field, f"is {path!r}, which the model does not have", nearest(path, known)
                )
            for parameter in parameters_of([known[path]]):
                owner = owners.setdefault(id(parameter), group)
                if owner != group:
                    raise ModelError(
                        field,
                        f"is {path!r}, whose {names[id(parameter)]!r} is shared with group "
                        f"{owner!r}",
                        f"put both into one group, or leave {path!r} out of group {group!r}",
                    )
        resolved[group] = [known[path] for path in paths]
        if not parameters_of(resolved[group]):
            raise ModelError(
                f"groups[{index}].modules",
                f"of group {group!r} hold no parameters",
                "add a module that has some, or remove the group",
            )
    check_cover(model, resolved)
    return resolved


def parameters_of(layers: Iterable[Layer]) -> list[nn.Parameter]:
    """Return the parameters of the layers, each once, in order of first appearance."""
    unique: dict[int, nn.Parameter] = {}
    for layer in layers:
        for parameter in [layer] if isinstance(layer, nn.Parameter) else layer.parameters():
            unique.setdefault(id(parameter), parameter)
    return list(unique.values())


def check_module(model: object) -> None:
    """Raise ModelError unless the model is a torch.nn.Module."""
    if not isinstance(model, nn.Module):
        raise ModelError("model", f"is a {type(model).__name__}", "give the torch.nn.Module itself")


def check_cover(model: nn.Module, layer_groups: LayerGroups) -> None:
    """Raise ModelError unless every parameter of the model is in exactly one group.

    This catches groups that were made before a head was replaced.
    """
    check_module(model)
    names = _names(model)
    owners: dict[int, str] = {}
    for group, layers in layer_groups.items():
        for parameter in parameters_of(layers):
            name = names.get(id(parameter))
            if name is None:
                raise ModelError(
                    "groups",
                    f"have a parameter in {group!r} that the model does not have",
                    "make the groups from this model, after its layers have been replaced",
                )
            owner = owners.setdefault(id(parameter), group)
            if owner != group:
                raise ModelError(
                    "groups",
                    f"have {name!r} in both {owner!r} and {group!r}",
                    "leave it in one of them",
                )
    left = [name for key, name in names.items() if key not in owners]
    if left:
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        first = ", ".join(map(repr, left[:3]))
        raise ModelError("groups", f"leave out {first}{more}", "add their paths to a group")


def _check_prefixes(groups: Mapping[str, Sequence[str]]) -> None:
    owners: dict[str, str] = {}
    fields: dict[str, str] = {}
    for index, (group, paths) in enumerate(groups.items()):
        for position, path in enumerate(paths):
            field = f"groups[{index}].modules[{position}]"
            if owners.get(path, group) != group:
                raise ModelError(
                    field,
                    f"is {path!r}, which is also in group {owners[path]!r}",
                    "leave it in one of them",
                )
            owners[path], fields[path] = group, field
    for path, group in owners.items():
        for parent in prefixes(path)[:-1]:
            if owners.get(parent, group) != group:
                raise ModelError(
                    fields[path],
                    f"is {path!r}, which {parent!r} of group {owners[parent]!r} holds",
                    f"leave it to group {owners[parent]!r}, or list the parts of {parent!r} there",
                )


def _parts(model: nn.Module) -> dict[str, Layer]:
    """Return all modules and parameters of a model by their paths."""
    parts: dict[str, Layer] = dict(model.named_modules(remove_duplicate=False))
    parts.update(model.named_parameters(remove_duplicate=False))
    del parts[""]
    return parts


def _names(model: nn.Module) -> dict[int, str]:
    return {id(parameter): name for name, parameter in model.named_parameters()}
