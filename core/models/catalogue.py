"""All models by name, torchvision's for classification and all of timm's, and their weights.

`models.txt` lists them, so that a page knows them without torch. A line has a model's name, the
megabytes of its best weights, and the names of all its weights, the best first. `NAME:FILE` gives
the file that is downloaded, and `NAME:REPOSITORY` a repository that is not `timm/MODEL.NAME`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from core.errors import ModelError, nearest
from core.models import layer_table
from core.models.timm_weights import UNTAGGED


@dataclass(frozen=True, slots=True)
class Weights:
    """Pretrained weights of a model; they are downloaded as `file`, or from a hub's `repository`.

    Those that come with a package have neither.
    """

    name: str
    file: str | None = None
    repository: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the catalogue; `bytes` is about what its best weights take to download."""

    name: str
    bytes: int
    weights: tuple[Weights, ...]


@cache
def entries() -> dict[str, Entry]:
    """Return all models by full name, `torchvision/…` and `timm/…`."""
    lines = (files("core.models") / "models.txt").read_text(encoding="utf-8").splitlines()
    return {entry.name: entry for entry in map(read, lines)}


@cache
def names() -> tuple[str, ...]:
    """Full names: those that have a stored table first."""
    return tuple(dict.fromkeys((*stored(), *entries())))


def stored() -> tuple[str, ...]:
    """Return the models that have a stored table, torchvision's first, as in `full_name`."""
    return tuple(
        sorted(layer_table.known_models(), key=lambda name: not name.startswith("torchvision"))
    )


def full_name(name: str) -> str:
    """`resnet18` as `torchvision/resnet18`: a model by its name with or without library.

    A name that both libraries have is torchvision's. ModelError names the nearest model.
    """
    known = frozenset(names())
    for full in (name, f"torchvision/{name}", f"timm/{name}"):
        if full in known:
            return full
    valid = names() if "/" in name else [full.split("/", 1)[1] for full in names()]
    wrong = f"is {name!r}, which is not supported"
    raise ModelError("model", wrong, nearest(name, set(valid)))


def read(line: str) -> Entry:
    """Return the model of a line."""
    model, megabytes, *weights = line.split()
    return Entry(model, int(megabytes) * 1_000_000, tuple(_weights(model, w) for w in weights))


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
