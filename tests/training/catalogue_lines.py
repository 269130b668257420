"""What `core/models/models.txt` says of each model, taken from its library.

`python -m tests.training.catalogue_lines > models.txt` writes it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlparse

import timm
import torchvision

from core.models.weight_files import UNTAGGED
from core.presets import BUNDLED_WEIGHTS
from core.training import models, weights


def line(model: str) -> str:
    library, _, short = model.partition("/")
    names = weights.names_of_weights(model)
    place = _file if library == "torchvision" else _repository
    return " ".join([model, str(_megabytes(model)), *(place(short, name) for name in names)])


def _megabytes(model: str) -> int:
    """What the network takes in float32, as files of weights are."""
    made = models.build(model, device="meta")
    tensors = {id(tensor): tensor for tensor in made.state_dict().values()}.values()
    return max(1, round(sum(tensor.nbytes for tensor in tensors) / 1e6))


def _file(short: str, name: str) -> str:
    url = torchvision.models.get_model_weights(short)[name].url
    return f"{name}:{Path(urlparse(url).path).name}"


def _repository(short: str, name: str) -> str:
    if name == BUNDLED_WEIGHTS:
        return f"{name}:packaged"
    cfg = weights.timm_cfg(short, name)
    tagged = short if name == UNTAGGED else f"{short}.{name}"
    if not cfg.hf_hub_id:
        return f"{name}:{Path(urlparse(cfg.url).path).name}" if cfg.url else name
    repository = cfg.hf_hub_id.partition("@")[0]
    return name if repository == f"timm/{tagged}" else f"{name}:{repository}"


if __name__ == "__main__":
    for model in (
        *(f"torchvision/{name}" for name in models.torchvision_models()),
        *(f"timm/{name}" for name in timm.list_models()),
    ):
        sys.stdout.write(line(model) + "\n")
