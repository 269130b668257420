"""All models and their weights: torchvision's for classification, and all of timm's.

`models.txt` lists them, so that pages need no torch. A line has a model's name, the megabytes of
its best weights, and the names of all its weights, the best first. `NAME:FILE` gives the file to
download, and `NAME:REPOSITORY` a repository other than `timm/MODEL.NAME`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from core.errors import ModelError, nearest
from core.models import layer_table
from core.models.weight_files import UNTAGGED


@dataclass(frozen=True, slots=True)
class Weights:
    """Pretrained weights of a model, downloaded as `file` or from the hub's `repository`.

    Weights that come with a package have neither.
    """

    name: str
    file: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A model in the catalogue; `bytes` is the approximate download size of its best weights."""

    name: str
    bytes: int
    weights: tuple[Weights, ...]


@cache
def entries() -> dict[str, CatalogueEntry]:
    """Return all models by their full names, `torchvision/…` and `timm/…`."""
    lines = (files("core.models") / "models.txt").read_text(encoding="utf-8").splitlines()
    return {entry.name: entry for entry in map(parse_line, lines)}


@cache
def names() -> tuple[str, ...]:
    """Return the full names of all models, those with a stored table first."""
    return tuple(dict.fromkeys((*with_stored_table(), *entries())))


def with_stored_table() -> tuple[str, ...]:
    """Return the full names of the models with a stored table, torchvision's first."""
    return tuple(
        sorted(layer_table.known_models(), key=lambda name: not name.startswith("torchvision"))
    )


def full_name(name: str) -> str:
    """Return a model's full name from a name with or without library: `torchvision/resnet18`.

    A name that both libraries have is torchvision's. Raises ModelError, with the nearest model.
    """
    known = frozenset(names())
    for full in (name, f"torchvision/{name}", f"timm/{name}"):
        if full in known:
            return full
    valid = names() if "/" in name else [full.split("/", 1)[1] for full in names()]
    wrong = f"is {name!r}, which is not supported"
    raise ModelError("model", wrong, nearest(name, set(valid)))


def parse_line(line: str) -> CatalogueEntry:
    """Return the model that a line of `models.txt` describes."""
    model, megabytes, *weights = line.split()
    return CatalogueEntry(
        model, int(megabytes) * 1_000_000, tuple(_weights(model, w) for w in weights)
    )


def _weights(model: str, text: str) -> Weights:
    name, _, place = text.partition(":")
    if place == "packaged":
        return Weights(name)
    if place.endswith(_FILES):
        return Weights(name, file=place)
    short = model.removeprefix("timm/")
    tagged = short if name == UNTAGGED else f"{short}.{name}"
    return Weights(name, repository=place or f"timm/{tagged}")


_FILES = (".pth", ".pt", ".bin", ".npz", ".tar", ".safetensors")
