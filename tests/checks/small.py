"""Small schedules of resnet18, and what the checks find in them."""

from __future__ import annotations

from typing import Any

from core import checks
from core.checks import Fix, Problem
from core.models import layer_table
from core.schedule.parse import from_raw
from core.schedule.spec import Schedule

RESNET18 = layer_table.load("torchvision/resnet18")
ALL = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]
"""Every part of resnet18 but `fc`."""


def schedule(
    *groups: dict[str, Any],
    epochs: int = 4,
    lr: Any = None,
    model: Any = None,
    optimizer: Any = None,
) -> Schedule:
    """A small schedule; without groups it has a body that thaws halfway, and a head."""
    return from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": "Small",
            "model": model or {"name": RESNET18.model, "weights": "IMAGENET1K_V1"},
            "epochs": epochs,
            "optimizer": {"name": "adam", "base_lr": 0.001} | (optimizer or {}),
            "lr": lr or {},
            "groups": list(groups) or [body([[epochs // 2, None]]), group("head")],
        }
    )


def group(name: str, *modules: str, trains: Any = ((0, None),), **fields: Any) -> dict[str, Any]:
    windows = [list(window) for window in trains]
    return {"name": name, "modules": list(modules or ["fc"]), "trainable": windows, **fields}


def body(trains: Any = ((0, None),), **fields: Any) -> dict[str, Any]:
    """All of the network but its head, in one group."""
    return group("body", *ALL, trains=trains, **fields)


def codes(bad: Schedule, batch_size: int | None = None, steps: int | None = None) -> list[str]:
    """The codes of all problems, in the order in which they are told."""
    told = checks.problems(bad, layer_table.find_stored(bad.model.name), batch_size, steps)
    return [problem.code for problem in told]


def found(code: str, bad: Schedule, batch_size: int | None = None) -> list[Problem]:
    told = checks.problems(bad, layer_table.find_stored(bad.model.name), batch_size)
    return [problem for problem in told if problem.code == code]


def the(code: str, bad: Schedule, batch_size: int | None = None) -> Problem:
    (problem,) = found(code, bad, batch_size)
    return problem


def only(code: str, bad: Schedule, batch_size: int | None = None) -> Problem:
    """The one problem that a schedule has."""
    assert codes(bad, batch_size) == [code]
    return the(code, bad, batch_size)


def fixed(problem: Problem, bad: Schedule, label: str, batch_size: int | None = None) -> Schedule:
    """The mended schedule of a problem's fix, which removes the problem and adds none."""
    assert isinstance(problem.fix, Fix)
    assert problem.fix.label == label
    left = codes(bad, batch_size)
    left.remove(problem.code)
    assert codes(problem.fix.schedule, batch_size) == left
    return problem.fix.schedule
