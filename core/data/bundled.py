"""The bundled images: 3,000 of Fashion-MNIST, grey, 28 pixels a side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BUNDLED_DATA = "fashion-mnist"
"""The value of the run settings' `data` for these images, in place of a folder."""
BUNDLED_TRAIN_IMAGES = 2_000
BUNDLED_CLASSES = 10
BUNDLED_TITLE = "Fashion-MNIST"
"""The name of these images for people."""

SplitName = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class BundledSplit:
    """Images as uint8 of shape (n, 28, 28), and labels as uint8 of shape (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Bundled:
    """Both splits of the bundled images; labels index `classes`."""

    train: BundledSplit
    validation: BundledSplit
    classes: tuple[str, ...]

    def split(self, name: SplitName) -> BundledSplit:
        """Return the split of that name."""
        return self.train if name == "train" else self.validation


@lru_cache(maxsize=1)
def read_bundled() -> Bundled:
    """Return the bundled images, read once in a process and read-only."""
    with as_file(files("core.data") / "fashion_mnist.npz") as path, np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for array in arrays.values():
        array.flags.writeable = False

    def split(name: SplitName) -> BundledSplit:
        return BundledSplit(arrays[f"{name}_images"], arrays[f"{name}_labels"])

    classes = tuple(str(name) for name in arrays["classes"])
    return Bundled(split("train"), split("validation"), classes)
