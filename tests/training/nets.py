"""Small networks of every kind that the cache must cut, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import timm.models.resnet
import timm.models.vision_transformer
import torch
from torch import Tensor, nn

from core.cache_plan.split_points import ForwardCosts
from core.schedule import parse
from core.schedule.spec import ModelRef, Schedule
from core.training.cache import profile
from core.training.models import Network

_GREY = (0.5, 0.5, 0.5)


@contextmanager
def all_cost_in_the_first_layer() -> Iterator[None]:
    """Measure real sizes, and all the cost in the first layer: whatever can be cached is.

    So no plan hangs on the clock.
    """
    measured = profile.profile_nodes

    def front_loaded(*args: Any) -> ForwardCosts:
        costs = measured(*args)
        seconds = tuple(1.0 if at == 1 else 1e-6 for at in range(len(costs.seconds)))
        return costs._replace(seconds=seconds)

    with patch.object(profile, "profile_nodes", front_loaded):
        yield


class Skipping(nn.Module):
    """A U-shape: what the first layer makes is read again by the last but one."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())
        self.down = nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(4, classes)

    def forward(self, x: Tensor) -> Tensor:
        once = self.first(x)
        joined = self.up(self.down(once)) + once
        return self.head(self.drop(joined).mean((2, 3)))


class Odd(nn.Module):
    """Frozen layers, then what tracing is known to get wrong, then a head that drops."""

    def __init__(self, kind: str, classes: int) -> None:
        super().__init__()
        self.kind = kind
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.RReLU(), nn.Conv2d(4, 4, 3, 2, 1))
        self.norm = nn.BatchNorm2d(4)
        self.branch = nn.Conv2d(4, 4, 1)
        nn.init.zeros_(self.branch.weight)
        nn.init.zeros_(self.branch.bias)
        self.register_buffer("mean", torch.ones(1))
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(4, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        if self.kind == "draws" and torch.rand(()) < 2.0:
            x = x * 1.0
        if self.kind == "counts" and self.training:
            self.mean.mul_(0.9)
        if self.kind == "overwrites":
            x.add_(self.branch(x.clone()))
        if self.kind == "reads":
            x = self.norm(x) * torch.sqrt(self.norm.running_var + 1.0).view(1, -1, 1, 1)
        else:
            x = self.norm(x)
        return self.head(self.drop(x).mean((2, 3))) * self.mean


ODD = ("draws", "counts", "overwrites", "reads")

GROUPS = {
    "resnet": {
        "stem": ["conv1", "bn1"],
        "layer1": ["layer1"],
        "layer2": ["layer2"],
        "layer34": ["layer3", "layer4"],
        "head": ["fc"],
    },
    "vit": {
        "embed": ["patch_embed", "cls_token", "pos_embed"],
        "early": ["blocks.0"],
        "late": ["blocks.1", "blocks.2"],
        "head": ["norm", "head"],
    },
    "skipping": {"first": ["first"], "down": ["down"], "up": ["up"], "head": ["head"]},
}
"""Groups of each net by its name, from input to output."""


def build(ref: ModelRef, classes: int, image_size: int | None) -> Network:
    """The small network that `ref` names, with random weights."""
    net: nn.Module
    if ref.name == "resnet":
        net = timm.models.resnet.ResNet(
            timm.models.resnet.BasicBlock,
            (1, 1, 1, 1),
            channels=(8, 16, 32, 64),
            stem_width=8,
            num_classes=classes,
        )
        # trained statistics, so that it matters whether BatchNorm moves
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
    elif ref.name == "vit":
        net = timm.models.vision_transformer.VisionTransformer(
            img_size=image_size or 16,
            patch_size=8,
            embed_dim=16,
            depth=3,
            num_heads=2,
            num_classes=classes,
            drop_path_rate=0.3,
            proj_drop_rate=0.1,
        )
    elif ref.name in ODD:
        net = Odd(ref.name, classes)
    else:
        net = Skipping(classes)
    return Network(net, _GREY, _GREY)


def schedule_of(net: str, windows: dict[str, Any], epochs: int, **more: Any) -> Schedule:
    """A schedule over the net's groups with these windows."""
    lr = {"interval": more.get("interval", "step"), "warmup": {"epochs": 1}}
    lr["after_unfreeze"] = more.get("after_unfreeze", "follow")
    groups = [
        {"name": name, "modules": modules, "trainable": windows.get(name, [])}
        | more.get("group", {})
        for name, modules in more.get("parts", GROUPS.get(net, {})).items()
    ]
    raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": "Drawn",
        "model": {"name": net},
        "epochs": epochs,
        "optimizer": {"name": "adam", "base_lr": 0.01},
        "lr": lr,
        "groups": groups,
    }
    return parse.parse(json.dumps(raw))
