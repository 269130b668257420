"""The names of all models: torchvision's classification models and all of timm's.

They lie in `models.txt`, a name a line, so that a page knows them without torch.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from core.design import layers
from core.errors import ModelError, nearest


@cache
def names() -> tuple[str, ...]:
    """Full names, `torchvision/…` and `timm/…`: those that have a stored table first."""
    listed = (files("core.design") / "models.txt").read_text(encoding="utf-8").split()
    stored = layers.known_models()
    return (*stored, *(name for name in listed if name not in set(stored)))


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
