"""A folder of photographs' size: Fashion-MNIST as JPEG files in class folders."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.scenarios import Scenario

_SIZE = (500, 375)
_GRAIN = 20.0
"""Noise that makes a file about as large as a photograph of that size, so 80 to 100 KB."""


def write(folder: Path, scenario: Scenario) -> None:
    """Write the scenario's images into `train` and `val` below `folder`; the same ones each time.

    Every class gets as many as the others, or one more.
    """
    with as_file(files("core.data") / "fashion_mnist.npz") as path, np.load(path) as stored:
        _write(folder / "train", stored, "train", scenario.images)
        _write(folder / "val", stored, "validation", scenario.validation_images)


def _write(folder: Path, stored: np.lib.npyio.NpzFile, split: str, wanted: int) -> None:
    images, labels, classes = (
        stored[name] for name in (f"{split}_images", f"{split}_labels", "classes")
    )
    random = np.random.default_rng(0)
    for at in range(wanted):
        label, number = at % len(classes), at // len(classes)
        image = images[np.flatnonzero(labels == label)[number]]
        path = folder / f"class{label}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        _photograph(image, random).save(path, quality=90)


def _photograph(image: np.ndarray, random: np.random.Generator) -> Image.Image:
    large = Image.fromarray(image).resize(_SIZE, Image.Resampling.BICUBIC).convert("RGB")
    grain = random.normal(0.0, _GRAIN, (*_SIZE[::-1], 3))
    return Image.fromarray(np.clip(np.asarray(large) + grain, 0, 255).astype(np.uint8))
