"""A folder of images as large as photographs: Fashion-MNIST as JPEG files in class folders."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.scenarios import Scenario

_GRAIN = 20.0
"""Noise that makes a file about as large as a photograph: 70 to 90 KB at 500 x 375 pixels."""


def write(folder: Path, scenario: Scenario, size: tuple[int, int]) -> None:
    """Write the scenario's images into `train` and `val` below `folder`; the same ones each time.

    They have that width and height. Every class gets as many as the others, or one more.
    """
    with as_file(files("core.data") / "fashion_mnist.npz") as path, np.load(path) as stored:
        _write(folder / "train", stored, "train", scenario.images, size)
        _write(folder / "val", stored, "validation", scenario.validation_images, size)


def _write(
    folder: Path, stored: np.lib.npyio.NpzFile, split: str, wanted: int, size: tuple[int, int]
) -> None:
    images, labels, classes = (
        stored[name] for name in (f"{split}_images", f"{split}_labels", "classes")
    )
    random = np.random.default_rng(0)
    grain = random.normal(0.0, _GRAIN, (*reversed(size), 3)).astype(np.int16)
    for at in range(wanted):
        label, number = at % len(classes), at // len(classes)
        image = images[np.flatnonzero(labels == label)[number]]
        path = folder / f"class{label}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        large = Image.fromarray(image).resize(size, Image.Resampling.BICUBIC).convert("RGB")
        rolled = np.roll(grain, random.integers(grain.shape[0]), axis=0)
        pixels = np.clip(np.asarray(large, np.int16) + rolled, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)
