"""Images and labels of a run, decoded once into memory, and the order of every epoch."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from core.errors import DataError
from core.runs.events import Progress
from core.runs.settings import BUNDLED_DATA, RunSettings
from core.training.device import free_memory
from core.training.folders import Item, find_images

_LARGEST_SHARE = 0.5
"""Share of the free memory that the images may take; the rest is for training."""
_SHOW_EVERY = 50
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    struct.error,
    Image.DecompressionBombWarning,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are cut short, damaged, no image, or far too large."""


@dataclass(frozen=True, slots=True)
class Split:
    """Images as uint8 of shape (n, 3, size, size), and labels as int64 of shape (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Data:
    """What a run learns from and what it is judged by; labels index `classes`."""

    train: Split
    validation: Split
    classes: tuple[str, ...]

    def majority_accuracy(self) -> float:
        """Validation accuracy, from 0 to 1, of always saying the commonest training class."""
        commonest = torch.bincount(self.train.labels, minlength=len(self.classes)).argmax()
        return float((self.validation.labels == commonest).double().mean())


def load(settings: RunSettings) -> Iterator[Progress | Data]:
    """Progress while the images are read, and the data as the last item.

    Raises DataError for a folder that is missing or holds no two classes with images, for images
    that cannot be decoded, for fewer samples than classes, and for more than memory holds.
    """
    bundled = settings.data == BUNDLED_DATA
    return _bundled(settings) if bundled else _folder(settings)


def order(seed: int, epoch: int, images: int) -> Tensor:
    """The order of the training images in an epoch: a permutation of range(images).

    It depends on nothing but the arguments, so that a resumed epoch repeats it exactly.
    """
    generator = torch.Generator().manual_seed(seed * 10_007 + epoch)
    return torch.randperm(images, generator=generator)


def choose(labels: Sequence[int], wanted: int, seed: int) -> list[int]:
    """Positions of at most `wanted` images, in rising order, spread over the classes evenly.

    Each class gives one image after the other, in a random order of its own, until it has no more.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(labels), generator=generator).tolist()
    taken: dict[int, int] = {}
    ranked = []
    for position in shuffled:
        label = labels[position]
        rank = taken[label] = taken.get(label, -1) + 1
        ranked.append((rank, label, position))
    return sorted(position for _, _, position in sorted(ranked)[:wanted])


def check_memory(images: int, settings: RunSettings, free: int) -> None:
    """Raise DataError if the images of both splits take over half of the `free` bytes."""
    need = images * 3 * settings.image_size**2
    if need > free * _LARGEST_SHARE:
        size = f"{images:,} images of {settings.image_size} px, {need / 1e9:.1f} GB"
        way_out = (
            f"lower one of them or --image-size; {free / 1e9:.1f} GB are free, half may be taken"
        )
        raise DataError("--samples", f"and --validation-samples ask for {size}", way_out)


def _bundled(settings: RunSettings) -> Iterator[Progress | Data]:
    yield Progress("loading")
    with as_file(files("core.training") / "fashion_mnist.npz") as path, np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    classes = tuple(str(name) for name in arrays["classes"])
    picked, splits = [], []
    for split, flag, wanted in _wanted(settings):
        labels = arrays[f"{split}_labels"].astype(np.int64)
        chosen = choose(labels.tolist(), wanted, settings.seed)
        _check_counts(flag, wanted, len(classes))
        picked.append((split, labels, chosen))
    check_memory(
        sum(len(chosen) for _, _, chosen in picked), settings, free_memory(torch.device("cpu"))
    )
    for split, labels, chosen in picked:
        grey = torch.from_numpy(arrays[f"{split}_images"][chosen]).unsqueeze(1)
        resized = transforms.resize(grey, [settings.image_size] * 2, antialias=True)
        images = resized.expand(-1, 3, -1, -1).contiguous()
        splits.append(Split(images, torch.from_numpy(labels[chosen])))
    yield Data(splits[0], splits[1], classes)


def _folder(settings: RunSettings) -> Iterator[Progress | Data]:
    found = find_images(Path(settings.data).expanduser())
    chosen: list[list[Item]] = []
    for split, flag, wanted in _wanted(settings):
        there = found.train if split == "train" else found.validation
        positions = choose([item.label for item in there], wanted, settings.seed)
        _check_counts(flag, wanted, len(found.classes))
        chosen.append([there[position] for position in positions])
    total = sum(map(len, chosen))
    check_memory(total, settings, free_memory(torch.device("cpu")))
    bad: list[str] = []
    splits = []
    done = 0
    for items in chosen:
        size = settings.image_size
        images = torch.empty((len(items), 3, size, size), dtype=torch.uint8)
        for at, item in enumerate(items):
            if done % _SHOW_EVERY == 0:
                yield Progress("loading", done, total)
            done += 1
            try:
                images[at] = _decode(item.path, size)
            except _UNREADABLE as error:
                bad.append(f"{item.path} ({_reason(error)})")
        splits.append(Split(images, torch.tensor([item.label for item in items])))
    if bad:
        raise _bad_images(settings.data, bad)
    yield Progress("loading", total, total)
    yield Data(splits[0], splits[1], found.classes)


def _decode(path: Path, size: int) -> Tensor:
    """One image file as uint8 of shape (3, size, size): RGB, bilinear with antialiasing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path) as image:
            rgb = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "no image"
    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return "far too many pixels"
    return str(error).partition("\n")[0] or type(error).__name__


def _bad_images(data: str, bad: list[str]) -> DataError:
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    which = "an image" if len(bad) == 1 else f"{len(bad)} images"
    wrong = f"is {data!r}, where {which} cannot be read, {', '.join(bad[:3])}{more}"
    return DataError("--data", wrong, "replace or remove what is named, and run again")


def _wanted(settings: RunSettings) -> tuple[tuple[str, str, int], ...]:
    return (
        ("train", "--samples", settings.samples),
        ("validation", "--validation-samples", settings.validation_samples),
    )


def _check_counts(flag: str, wanted: int, classes: int) -> None:
    if wanted < classes:
        way_out = f"use {classes} or more, so that every class has an image"
        raise DataError(flag, f"is {wanted}, but the data has {classes} classes", way_out)
