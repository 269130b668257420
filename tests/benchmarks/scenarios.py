"""What is benchmarked: a schedule, its images, and their smaller form for a quick run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import presets
from core.models import layer_table
from core.runs.settings import RunSettings
from core.schedule import parse, plan
from core.schedule.spec import Schedule

_WEB, _CAMERA = (500, 375), (4000, 3000)
"""Pixels of a JPEG file: as in ImageNet, and as a telephone takes it (12 megapixels)."""

_QUICK_IMAGES = 40
_QUICK_SIZE = 32
_CLASSES = 10


@dataclass(frozen=True, slots=True)
class Scenario:
    """One comparison: every contestant trains by this schedule on these images.

    A quarter as many images again are for validation, and seen after each epoch. `files` is the
    width and height of JPEGs on the disk; without it the images are in memory, resized, before the
    clock starts.
    """

    name: str
    says: str
    schedule: Schedule
    images: int
    image_size: int
    batch_size: int = 32
    files: tuple[int, int] | None = None

    @property
    def validation_images(self) -> int:
        return max(self.images // 4, _CLASSES)

    def settings(self, folder: Path | None, **changed: Any) -> RunSettings:
        """Thaw's run settings for these images; `folder` holds them if they are files."""
        values: dict[str, Any] = {
            "samples": self.images,
            "validation_samples": self.validation_images,
            "image_size": self.image_size,
            "batch_size": self.batch_size,
            "device": "cpu",
        }
        if folder is not None:
            values["data"] = str(folder)
        return RunSettings(**(values | changed))

    def missing(self) -> str:
        """Why this Thaw cannot run it yet; empty if it can."""
        name = self.schedule.model.name
        return "" if name in layer_table.known_models() else f"there is no layer table of {name}"

    def __str__(self) -> str:
        where = "from JPEG files of {} x {}".format(*self.files) if self.files else "from memory"
        return (
            f"{self.says}; {self.schedule.model.name}, {self.image_size} px, {self.images:,} "
            f"training and {self.validation_images:,} validation images {where}, batches of "
            f"{self.batch_size}, {self.schedule.epochs} epochs"
        )


def find(name: str, *, quick: bool) -> Scenario:
    """The scenario of that name; the quick form has the same schedule on few, small images."""
    scenario = SCENARIOS[name]
    if not quick:
        return scenario
    return Scenario(
        scenario.name,
        scenario.says,
        scenario.schedule,
        _QUICK_IMAGES,
        _QUICK_SIZE,
        batch_size=16,
        files=scenario.files and _WEB,
    )


def thaws(schedule: Schedule) -> dict[int, tuple[str, ...]]:
    """Which groups thaw at which epoch, as in the exercise: `{0: ("head",), 2: ("layer4",)}`."""
    opened: dict[int, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for phase in plan.phases(schedule):
        opened[phase.start] = tuple(name for name in phase.training if name not in before)
        before = phase.training
    return opened


def exercise(name: str, thawing: dict[str, int], epochs: int = 8) -> Schedule:
    """The exercise's ResNet-18, its groups `thawing` at an epoch.

    It starts from random weights, which need no network.
    """
    raw = parse.to_raw(presets.load("exercise-mended"))
    raw |= {"name": name, "epochs": epochs}
    raw["model"]["weights"] = None
    raw["lr"]["warmup"]["epochs"] = 1
    for group in raw["groups"]:
        start = thawing.get(group["name"])
        group["trainable"] = [] if start is None else [[start, None]]
    return parse.from_raw(raw)


def _transformer() -> Schedule:
    """DeiT-tiny, whose twelve blocks thaw in thirds."""
    parts = [("embed", ["cls_token", "pos_embed", "patch_embed"], None)]
    parts += [
        (f"blocks{third + 1}", [f"blocks.{third * 4 + i}" for i in range(4)], 6 - 2 * third)
        for third in range(3)
    ]
    parts.append(("head", ["norm", "head"], 0))
    groups = [
        {"name": name, "modules": paths, "trainable": [] if start is None else [[start, None]]}
        for name, paths, start in parts
    ]
    raw = parse.to_raw(presets.load("gradual"))
    raw["model"] = {"name": "timm/deit_tiny_patch16_224", "weights": None}
    raw |= {"name": "DeiT-tiny in thirds", "epochs": 8, "groups": groups}
    return parse.from_raw(raw)


_THAWS = {"head": 0, "layer4": 2, "layer3": 4, "layer2": 6}
_EXERCISE = exercise("The exercise", _THAWS)
_HEAD_ONLY = exercise("Head only", {"head": 0})

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("exercise-64", "the exercise's schedule", _EXERCISE, 1_024, 64),
        Scenario("exercise-224", "the exercise's schedule", _EXERCISE, 256, 224),
        Scenario("exercise-jpeg", "the exercise's schedule", _EXERCISE, 256, 224, files=_WEB),
        Scenario("exercise-photos", "the exercise's schedule", _EXERCISE, 256, 224, files=_CAMERA),
        Scenario("head-only", "only the head trains", _HEAD_ONLY, 256, 224),
        Scenario("gradual", "the default preset", presets.load("gradual"), 1_024, 64),
        Scenario("deit", "a transformer thaws in thirds", _transformer(), 256, 224),
    )
}
