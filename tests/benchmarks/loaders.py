"""The images, in the same order for every contestant, from an ordinary DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision import transforms
from torchvision.datasets import ImageFolder

from core.runs.settings import RunSettings
from core.schedule.batches import batches
from core.training.data import Data, Split, epoch_order, load_data
from core.training.models import RGB, normalize

Loaders = tuple[DataLoader[tuple[Tensor, Tensor]], DataLoader[tuple[Tensor, Tensor]]]
"""For training, in a new order each time, and for validation."""

_WORKERS = 2


class Batches(Sampler[list[int]]):
    """Positions of each batch of an epoch; the epochs are counted as they are asked for."""

    def __init__(self, images: int, settings: RunSettings, *, shuffled: bool) -> None:
        self._images = images
        self._seed = settings.seed
        self._spans = batches(images, settings.batch_size)
        self._shuffled = shuffled
        self._epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        positions = torch.arange(self._images)
        if self._shuffled:
            positions = epoch_order(self._seed, self._epoch, self._images)
        self._epoch += 1  # only once a batch is taken: a DataLoader may make iterators for nothing
        yield from (positions[start:end].tolist() for start, end in self._spans)

    def __len__(self) -> int:
        return len(self._spans)


class InMemory(Dataset[tuple[Tensor, Tensor]]):
    """Images that were decoded and resized before; a batch of them is taken at once."""

    def __init__(self, split: Split, mean: RGB, std: RGB) -> None:
        self._split, self._mean, self._std = split, mean, std

    def __getitem__(self, positions: list[int]) -> tuple[Tensor, Tensor]:
        images = normalize(self._split.images[positions], self._mean, self._std)
        return images, self._split.labels[positions]

    def __len__(self) -> int:
        return len(self._split)


def from_memory(settings: RunSettings, mean: RGB, std: RGB) -> tuple[Loaders, int]:
    """Loaders of Thaw's own data, and the number of its classes."""
    (data,) = (item for item in load_data(settings) if isinstance(item, Data))
    train, validation = (
        DataLoader(
            InMemory(split, mean, std),
            sampler=Batches(len(split), settings, shuffled=shuffled),
            batch_size=None,
            generator=torch.Generator(),  # leaves the global one to the model
        )
        for split, shuffled in ((data.train, True), (data.validation, False))
    )
    return (train, validation), len(data.classes)


def from_files(folder: Path, settings: RunSettings, mean: RGB, std: RGB) -> Loaders:
    """Loaders that decode and resize every image in every epoch, in workers, as people do."""
    prepare = transforms.Compose(
        [
            transforms.Resize((settings.image_size, settings.image_size)),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )
    train, validation = (
        DataLoader(
            (images := ImageFolder(folder / name, prepare)),
            batch_sampler=Batches(len(images), settings, shuffled=name == "train"),
            num_workers=_WORKERS,
            persistent_workers=True,
            generator=torch.Generator(),
        )
        for name in ("train", "val")
    )
    return train, validation
