"""Small real runs on the bundled model and data, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from core import presets
from core.runs.events import Event
from core.runs.settings import RunSettings
from core.schedule import parse
from core.schedule.spec import Schedule
from core.training.job import Job, never
from core.training.output_files import OutputFiles
from core.training.train import train

FROZEN_STEM = ("stem", "stage1", "stage2", "stage3")


def small_schedule(epochs: int = 3, when_frozen: str = "eval", **windows: Any) -> Schedule:
    """Gradual unfreezing in a few epochs, with BatchNorm that moves where its group trains.

    `windows` replaces groups' trainable windows.
    """
    raw = parse.to_raw(presets.load("gradual"))
    raw["epochs"] = epochs
    raw["lr"]["warmup"]["epochs"] = 0.5
    chosen = {"head": [[0, None]], "conv_head": [[1, None]], "stage4": [[2, None]]} | windows
    for group in raw["groups"]:
        group["trainable"] = chosen.get(group["name"], [])
        group["when_frozen"] = when_frozen
        group.pop("batchnorm", None)
    return parse.from_raw(raw)


def small_settings(**changed: Any) -> RunSettings:
    """40 images of 32 px in batches of 16, and as many for validation."""
    values: dict[str, Any] = {
        "samples": 40,
        "validation_samples": 40,
        "image_size": 32,
        "batch_size": 16,
        "device": "cpu",
    }
    return RunSettings(**(values | changed))


def run(
    folder: Path,
    schedule: Schedule | None = None,
    settings: RunSettings | None = None,
    should_stop: Callable[[], bool] = never,
) -> list[Event]:
    """Everything that happens when the schedule is run in the folder."""
    return list(
        train(
            Job(
                schedule or small_schedule(),
                settings or small_settings(),
                folder / "checkpoints",
                should_stop,
                OutputFiles(folder / "weights.safetensors"),
            )
        )
    )


def weights(folder: Path) -> dict[str, Tensor]:
    """The final weights of a run in that folder."""
    return load_file(folder / "weights.safetensors")


def same_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two sets of weights are the same, bit for bit."""
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def of_kind(events: list[Event], kind: type) -> list[Any]:
    """The events of one kind, in order."""
    return [event for event in events if isinstance(event, kind)]
