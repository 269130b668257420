"""What every export is run with: three schedules, a small network that has their paths, the plan.

A test records, before each optimizer step, what each group really has: `Seen`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from core import presets
from core.schedule import curves, plan
from core.schedule.parse import from_raw, to_raw
from core.schedule.paths import covers
from core.schedule.spec import Schedule

STEPS = 5
"""Optimizer steps of an epoch."""


def _gradual_with_restart() -> Schedule:
    raw = to_raw(presets.load("exercise"))
    raw |= {"name": "Gradual, restarted", "epochs": 6}
    raw["optimizer"] = {"name": "adamw", "base_lr": 2e-3, "weight_decay": 0.02}
    raw["lr"] = {
        "group_decay": 0.5,
        "interval": "step",
        "warmup": {"epochs": 0.7, "start_factor": 0.2, "shape": "cosine"},
        "decay": {"shape": "linear", "floor": {"factor": 0.05}},
        "after_unfreeze": "restart",
    }
    windows = ([], [], [[5, None]], [[3, None]], [[1, 2], [4, None]], [[0, None]])
    for group, trainable in zip(raw["groups"], windows, strict=True):
        group |= {"trainable": trainable, "when_frozen": "eval"}
    raw["groups"][4]["lr_scale"] = 0.8
    return from_raw(raw)


def _discriminative() -> Schedule:
    raw = to_raw(presets.load("exercise"))
    raw |= {"name": "Discriminative cosine", "epochs": 4}
    raw["optimizer"] = {"name": "sgd", "base_lr": 0.02, "momentum": 0.9}
    raw["lr"] = {"group_decay": 0.4, "decay": {"shape": "cosine", "floor": {"factor": 0.01}}}
    for group in raw["groups"]:
        group |= {"trainable": [[0, None]], "when_frozen": "eval"}
    return from_raw(raw)


SCHEDULES: dict[str, Schedule] = {
    "gradual with restart": _gradual_with_restart(),
    "discriminative cosine": _discriminative(),
    "exercise": presets.load("exercise"),
}


class Small(nn.Module):
    """A network with ResNet-18's paths, BatchNorm included, for images of (batch, 3, 8, 8)."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        for number in range(1, 5):
            block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
            setattr(self, f"layer{number}", block)
        self.fc = nn.Linear(4, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (batch, classes)."""
        x = self.bn1(self.conv1(images)).relu()
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        return self.fc(x.mean((2, 3)))


class Adapter(nn.Module):
    """A linear layer that stays as it is, and a correction of rank 2 that trains (LoRA)."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, 2, bias=False)
        self.up = nn.Linear(2, base.out_features, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's output, corrected."""
        return self.base(x) + self.up(self.down(x))


class Adapted(Small):
    """The small network with what never trains: an adapter's base, fixed numbers, integers."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__(classes)
        self.fc = Adapter(self.fc)
        self.layer4.position = nn.Parameter(torch.ones(4), requires_grad=False)
        self.layer4.code = nn.Parameter(torch.tensor([1, 2], dtype=torch.int8), requires_grad=False)


CONSTANT = {"fc.base.weight", "fc.base.bias", "layer4.position", "layer4.code"}
"""What is constant in `Adapted`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a group has at an optimizer step: its rate, and whether its parameters train."""

    lr: float
    trains: bool


def planned(schedule: Schedule, steps_per_epoch: int = STEPS) -> list[dict[str, Seen]]:
    """What every group should have at every step, by its name."""
    found = []
    for step in range(schedule.epochs * steps_per_epoch):
        t = curves.time_of_step(schedule, step, steps_per_epoch)
        epoch = step // steps_per_epoch
        found.append(
            {
                group.name: Seen(float(curves.lr(schedule, group, t)), plan.trains_in(group, epoch))
                for group in schedule.groups
            }
        )
    return found


def trains(model: nn.Module, paths: Mapping[str, tuple[str, ...]]) -> dict[str, bool]:
    """Whether each group's parameters need gradients: all of them, or none, or the test fails."""
    found = {}
    for name, modules in paths.items():
        flags = {
            p.requires_grad for path in modules for p in model.get_submodule(path).parameters()
        }
        assert len(flags) == 1, f"{name} is half open"
        found[name] = flags.pop()
    return found


def assert_trains(model: Adapted, schedule: Schedule, epoch: int) -> None:
    """Exactly the parameters of open groups have gradients, without those that are constant."""
    paths = [p for g in schedule.groups if plan.trains_in(g, epoch) for p in g.modules]
    names = [name for name, _ in model.named_parameters()]
    open_now = {name for name in names if any(covers(path, name) for path in paths)}
    found = {name for name, p in model.named_parameters() if p.requires_grad}
    assert found == open_now - CONSTANT, epoch


def assert_as_planned(
    recorded: list[dict[str, Seen]], schedule: Schedule, steps_per_epoch: int = STEPS
) -> None:
    """Every rate to 1e-12 of itself, and who trains exactly, at every step."""
    expected = planned(schedule, steps_per_epoch)
    assert len(recorded) == len(expected)
    for step, (was, due) in enumerate(zip(recorded, expected, strict=True)):
        assert {n: s.trains for n, s in was.items()} == {n: s.trains for n, s in due.items()}, step
        for name, seen in was.items():
            error = curves.relative_error(seen.lr, due[name].lr)
            assert error <= 1e-12, f"{name} at step {step}: {seen.lr} is not {due[name].lr}"
