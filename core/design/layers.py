"""Layer tables: what a page needs to know of a network, without importing torch.

A table lists every module that owns parameters, and the network's default groups. Tables of the
supported models lie in `tables/` as JSON; `python -m core groups NAME --json` prints one.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.errors import ModelError, nearest


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Layer(_Row):
    """A module that owns parameters: its path, its class, and each parameter's element count."""

    path: str
    kind: str
    parameters: dict[str, int]


class LayerGroup(_Row):
    """A default group: its modules' paths, and how many parameters they hold."""

    name: str
    modules: Annotated[tuple[str, ...], Field(min_length=1)]
    parameters: int


class LayerTable(_Row):
    """A network from input to output. `weights` names its pretrained weights, best first."""

    model: str
    parameters: int
    weights: tuple[str, ...]
    groups: tuple[LayerGroup, ...]
    layers: tuple[Layer, ...]

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Elements under every path that holds parameters, the parameters themselves included."""
        sizes: Counter[str] = Counter()
        for parameter, size in parameter_counts(self).items():
            sizes.update(dict.fromkeys(prefixes(parameter), size))
        return dict(sizes)


_TABLES = files("core.design") / "tables"


@cache
def known_models() -> tuple[str, ...]:
    """Names of all models that have a table, sorted: `timm/…`, `torchvision/…`."""
    names = (entry.name.removesuffix(".json") for entry in _TABLES.iterdir())
    return tuple(sorted(name.replace("--", "/", 1) for name in names))


@cache
def load(model: str) -> LayerTable:
    """The table of a model; ModelError names the nearest model that has one."""
    if model not in known_models():
        raise ModelError("model.name", f"is {model!r}, which has no layer table", _way_out(model))
    path = _TABLES / f"{model.replace('/', '--', 1)}.json"
    return LayerTable.model_validate_json(path.read_text(encoding="utf-8"))


def find(model: str) -> LayerTable | None:
    """The table of a model, or None if it has none."""
    return load(model) if model in known_models() else None


def full_name(name: str) -> str:
    """`resnet18` as `torchvision/resnet18`: a supported model by its name with or without library.

    ModelError names the nearest supported model.
    """
    for model in known_models():
        if name in (model, model.split("/", 1)[1]):
            return model
    raise ModelError("model", f"is {name!r}, which is not supported", _way_out(name))


def parameter_counts(table: LayerTable) -> dict[str, int]:
    """Elements of every parameter by its path (`layer4.0.conv1.weight`), from input to output."""
    return {
        f"{layer.path}.{name}" if layer.path else name: count
        for layer in table.layers
        for name, count in layer.parameters.items()
    }


def covers(path: str, parameter: str) -> bool:
    """Whether a group's path is that parameter, or a module that holds it."""
    return parameter == path or parameter.startswith(f"{path}.")


def count(table: LayerTable, modules: tuple[str, ...]) -> int:
    """Elements of all parameters under the given paths, each counted once."""
    paths = set(modules)
    outermost = (path for path in paths if paths.isdisjoint(prefixes(path)[:-1]))
    return sum(table.sizes.get(path, 0) for path in outermost)


def prefixes(path: str) -> list[str]:
    """`layer4`, `layer4.0` and `layer4.0.bn1` of `layer4.0.bn1`."""
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _way_out(name: str) -> str:
    short = {model.split("/", 1)[1]: model for model in known_models()}
    return nearest(name, [*known_models(), *short] if "/" not in name else known_models(), 12)
