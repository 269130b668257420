"""The images and labels of a run, and the order in which each epoch sees them."""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from core.data.bundled import BUNDLED_DATA, SplitName, read_bundled
from core.data.image_folder import ImageFiles
from core.data.readable import ReadProgress, find_readable, left_out_lines
from core.errors import DataError
from core.files import usage
from core.runs.events import Notice, Progress
from core.runs.settings import Augment, RunSettings
from core.schedule.words import counted
from core.training import augment as augmentation
from core.training.decoding import decode_all
from core.training.device import free_memory
from core.training.image_stream import ImageStream

_MAX_SHARE = 0.5
"""Share of the free memory, or of the free disk, that the images may take."""
Images = Tensor | ImageStream


@dataclass(frozen=True, slots=True)
class Split:
    """Images as uint8 of shape (n, 3, side, side), and labels as int64 of shape (n,).

    The images are held, or decoded each time that they are seen.

    An *entry* is an image in one of its views, with the number `image * views + view`. The network
    sees it with `size` pixels a side (0: those of the image).
    """

    images: Images
    labels: Tensor
    augment: Augment = "none"
    views: int = 1
    size: int = 0
    seed: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Pixels of an entry's side."""
        return self.size or self.images.shape[-1]

    def pixels(self, entries: Tensor) -> Tensor:
        """Return the pixels of these entries: uint8 of shape (len(entries), 3, side, side)."""
        positions, numbers = entries // self.views, entries % self.views
        images, size = self.images[positions], self.side
        keys = entries + self.seed * 1_000_000_007
        return augmentation.view(images, numbers, keys, self.augment, size)

    def labels_of(self, entries: Tensor) -> Tensor:
        """Return the labels of these entries."""
        return self.labels[entries // self.views]


@dataclass(frozen=True, slots=True)
class Data:
    """Training and validation images with their labels, which index `classes`.

    `names` are those of the validation images, `train_names` those of the training images: paths
    below the data's folder, or places in the bundled data. They are empty if images have no names.
    """

    train: Split
    validation: Split
    classes: tuple[str, ...]
    names: Sequence[str] = ()
    train_names: Sequence[str] = ()

    def majority_accuracy(self) -> float:
        """Return validation accuracy, from 0 to 1, of predicting the commonest training class."""
        commonest = torch.bincount(self.train.labels, minlength=len(self.classes)).argmax()
        return float((self.validation.labels == commonest).double().mean())


def load_data(
    settings: RunSettings, epochs: int = 1, scratch: Path | None = None, processes: int = 1
) -> Iterator[Progress | Notice | Data]:
    """Yield progress while the images are read, what is left out, and the data as the last item.

    `epochs` is how many the run has: open-ended augmentation has a view for each. Images that take
    over half of the free memory lie in a temporary file in `scratch`; `processes` of this machine
    share what is free, and each holds all images. With `decode: "stream"` no image of a folder is
    decoded yet.

    Raises DataError for a folder that is missing or holds no two classes with images, for images
    that cannot be decoded, for fewer samples than classes, and for more than there is room for.
    """
    read = _load_bundled if settings.data == BUNDLED_DATA else _load_folder
    return read(settings, epochs, scratch or Path(tempfile.gettempdir()), processes)


def epoch_entries(split: Split, seed: int, epoch: int, epochs: int) -> Tensor:
    """Return the entries of a training epoch in order: each image once, in a view drawn for it."""
    positions = epoch_order(seed, epoch, len(split))
    views = augmentation.epoch_views(split.augment, seed, epoch, len(split), epochs)
    return positions * split.views + views[positions]


def epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    """Return the order of the training images in an epoch: a permutation of range(images).

    It depends on the arguments alone, so that a resumed epoch repeats it exactly.
    """
    generator = torch.Generator().manual_seed(seed * 10_007 + epoch)
    return torch.randperm(images, generator=generator)


def choose_evenly(labels: Sequence[int] | NDArray[np.int64], count: int, seed: int) -> list[int]:
    """Return positions of at most `count` images, in rising order, spread evenly over the classes.

    The classes give an image each in turn, at random, until they have no more.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(labels), generator=generator).numpy()
    drawn = np.asarray(labels)[shuffled]
    by_class = np.argsort(drawn, kind="stable")
    first = np.searchsorted(drawn[by_class], drawn[by_class])
    turn = np.empty_like(by_class)
    turn[by_class] = np.arange(len(drawn)) - first
    chosen: list[int] = np.sort(shuffled[np.lexsort((drawn, turn))[:count]]).tolist()
    return chosen


def allocate_images(
    images: int, settings: RunSettings, *, memory: int, disk: int, scratch: Path
) -> Tensor:
    """Return an empty tensor for that many images, uint8 of shape (images, 3, side, side).

    It lies in memory, or in a file without a name in `scratch` if it would take over half of the
    free `memory`. Raises DataError if it would take over half of the free `disk` too. Both are in
    bytes.
    """
    side = augmentation.stored_size(settings.augment, settings.image_size)
    shape = (images, 3, side, side)
    need = math.prod(shape)
    if need <= memory * _MAX_SHARE:
        return torch.empty(shape, dtype=torch.uint8)
    if need <= disk * _MAX_SHARE:
        return _file_tensor(shape, scratch)
    size = f"{images:,} images of {side} px, {need / 1e9:.1f} GB"
    free = f"{memory / 1e9:.1f} GB of memory and {disk / 1e9:.1f} GB in {scratch} are free"
    way_out = f"lower one of them or --image-size; {free} for a process, which may use half"
    raise DataError("--samples", f"and --validation-samples ask for {size}", way_out)


def _file_tensor(shape: tuple[int, ...], scratch: Path) -> Tensor:
    """Return a tensor in a file that is unlinked at once where the system can."""
    descriptor, name = tempfile.mkstemp(f".{os.getpid()}", ".images-", scratch)
    try:
        if sys.platform == "linux":  # else a disk that fills up later would kill the process
            os.posix_fallocate(descriptor, 0, math.prod(shape))
        flat = torch.from_file(name, shared=True, size=math.prod(shape), dtype=torch.uint8)
    finally:
        os.close(descriptor)
        if os.name == "posix":
            Path(name).unlink()
    return flat.view(shape)


def _allocate_in_free(images: int, settings: RunSettings, scratch: Path, processes: int) -> Tensor:
    return allocate_images(
        images,
        settings,
        memory=free_memory(torch.device("cpu")) // processes,
        disk=usage.free_disk(scratch) // processes,
        scratch=scratch,
    )


def _splits(
    images: tuple[Images, Images],
    labels: list[Tensor],
    settings: RunSettings,
    epochs: int,
) -> tuple[Split, Split]:
    """Return training images in their views, and validation images."""
    kind = settings.augment
    views = augmentation.view_count(kind, epochs)
    return (
        Split(images[0], labels[0], kind, views, settings.image_size, settings.seed),
        Split(images[1], labels[1]),
    )


def _held(images: Tensor, train: int, settings: RunSettings) -> tuple[Tensor, Tensor]:
    """Return the first images, to train, and the middles of the others, to validate."""
    return images[:train], augmentation.center_crop(images[train:], settings.image_size)


def _streams(files: list[ImageFiles], settings: RunSettings) -> tuple[ImageStream, ImageStream]:
    """Return streams of the files to train, and of the middles of those to validate."""
    stored = augmentation.stored_size(settings.augment, settings.image_size)
    train, validation = files
    return (
        ImageStream(train, stored, stored, settings.workers),
        ImageStream(validation, stored, settings.image_size, settings.workers),
    )


def _load_bundled(
    settings: RunSettings, epochs: int, scratch: Path, processes: int
) -> Iterator[Progress | Notice | Data]:
    yield Progress("loading")
    if settings.decode == "stream":
        yield Notice(f"--decode is stream, but --data is {BUNDLED_DATA}, which is held in memory")
    stored = read_bundled()
    greys, labels, names = [], [], []
    for split, flag, count in _split_sizes(settings):
        content = stored.split(split)
        all_labels = content.labels.astype(np.int64)
        chosen = choose_evenly(all_labels, count, settings.seed)
        _check_count(flag, count, len(stored.classes))
        greys.append(torch.from_numpy(content.images[chosen]))
        labels.append(torch.from_numpy(all_labels[chosen]))
        names.append(tuple(map(str, chosen)))
    images = _allocate_in_free(sum(map(len, labels)), settings, scratch, processes)
    grey = torch.cat(greys).unsqueeze(1)
    images.copy_(transforms.resize(grey, list(images.shape[-2:]), antialias=True))
    splits = _splits(_held(images, len(labels[0]), settings), labels, settings, epochs)
    yield Data(*splits, stored.classes, names[1], names[0])


def _load_folder(
    settings: RunSettings, epochs: int, scratch: Path, processes: int
) -> Iterator[Progress | Notice | Data]:
    for item in find_readable(Path(settings.data).expanduser()):
        if isinstance(item, ReadProgress):
            yield Progress("loading", item.done, item.total)
        else:
            readable = item
    if readable.skipped:
        lines = "; ".join(left_out_lines(readable.left_out, readable.skipped))
        yield Notice(f"left out of the data: {counted(readable.skipped, 'file')} ({lines})")
    folders = readable.images
    files: list[ImageFiles] = []
    for split, flag, count in _split_sizes(settings):
        found = folders.train if split == "train" else folders.validation
        chosen = choose_evenly(found.labels, count, settings.seed)
        _check_count(flag, count, len(folders.classes))
        files.append(found.take(np.array(chosen)))
    total = sum(map(len, files))
    images: tuple[Images, Images]
    if settings.decode == "stream":
        images = _streams(files, settings)
    else:
        tensor = _allocate_in_free(total, settings, scratch, processes)
        bad: list[str] = []
        yield from decode_all(files, tensor, bad)
        if bad:
            raise _bad_images(settings.data, bad)
        images = _held(tensor, len(files[0]), settings)
    yield Progress("loading", total, total)
    labels = [torch.from_numpy(each.labels) for each in files]
    splits = _splits(images, labels, settings, epochs)
    yield Data(*splits, folders.classes, files[1].names, files[0].names)


def _bad_images(data: str, bad: list[str]) -> DataError:
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    which = "an image" if len(bad) == 1 else f"{len(bad)} images"
    wrong = f"is {data!r}, where {which} cannot be read, {', '.join(bad[:3])}{more}"
    return DataError("--data", wrong, "replace or remove what is listed, and run again")


def _split_sizes(settings: RunSettings) -> tuple[tuple[SplitName, str, int], ...]:
    """Return each split, the flag that sets its size, and how many images are asked for."""
    return (
        ("train", "--samples", settings.samples),
        ("validation", "--validation-samples", settings.validation_samples),
    )


def _check_count(flag: str, count: int, classes: int) -> None:
    if count < classes:
        way_out = f"use {classes} or more, so that every class has an image"
        raise DataError(flag, f"is {count}, but the data has {classes} classes", way_out)
