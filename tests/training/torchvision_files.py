"""Files of pretrained weights as torchvision's server has them, some older than its networks."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from core.training.weights import torch_file

WITHOUT_COUNTS = ("resnet18", "densenet121", "googlenet")
"""Networks whose files are from before BatchNorm counted its batches, and layers their versions."""


def keep(name: str, weights: str = "IMAGENET1K_V1") -> tuple[Path, nn.Module]:
    """Put such a file where torch keeps what it has downloaded: its path, and its whole network.

    Every tensor has values of its own, so that what is missed or mistaken is seen.
    """
    torch.manual_seed(len(name))
    options = {"init_weights": False} if name == "googlenet" else {}
    network = torchvision.models.get_model(name, weights=None, **options)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand_like(tensor) * 0.1)
    file = torch_file(torchvision.models.get_model_weights(name)[weights].url)
    file.parent.mkdir(parents=True, exist_ok=True)
    state: dict[str, Tensor] = network.state_dict()
    if name in WITHOUT_COUNTS:
        kept = {key: value for key, value in state.items() if "num_batches" not in key}
        state = OrderedDict((_old(key), value) for key, value in kept.items())
    torch.save(state, file)
    return file, network


def _old(name: str) -> str:
    """DenseNet's layers were called `norm.1` where they are `norm1` now."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))(?=[12]\.)", r"\1.", name)
