"""A summary of the data before a run: classes, counts, samples, sizes and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

import numpy as np

from core.data.bundled import BUNDLED_DATA, read_bundled
from core.data.image_files import UNREADABLE, open_image, why_unreadable
from core.data.image_folder import TRAIN, VALIDATION, ImageFiles, ImageSplits, visible_folders
from core.data.names import Names
from core.data.readable import ReadableImages, find_readable
from core.errors import DataError, quoted

_SAMPLES = 24
_OPENED = 200
"""Files whose headers are read for the sizes, since a data set may have very many."""
_UNBALANCED = 5.0
_FEW = 50
"""With fewer validation images, one is over two percent of the accuracy."""
_NAMED = 3
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ClassCount:
    """A class and the numbers of its images."""

    name: str
    train: int
    validation: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One training image: its path below the folder, or its place in the bundled ones."""

    name: str
    label: int


@dataclass(frozen=True, slots=True)
class ImageSizes:
    """Width and height, in pixels, of the smallest and the largest of `opened` images, by area."""

    smallest: tuple[int, int]
    largest: tuple[int, int]
    opened: int


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The contents of a run's data.

    `brings_validation` says whether it has its own validation images; else they are held out.
    `left_out` has the first files that are not used, with their reasons; `skipped` counts all.
    """

    classes: tuple[ClassCount, ...]
    brings_validation: bool
    samples: tuple[Sample, ...]
    sizes: ImageSizes | None
    warnings: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    skipped: int = 0

    @property
    def train(self) -> int:
        """The number of training images."""
        return sum(each.train for each in self.classes)

    @property
    def validation(self) -> int:
        """The number of validation images."""
        return sum(each.validation for each in self.classes)


def summarize_data(data: str) -> DataSummary:
    """Return the summary of the run settings' `data`, after a check of all files.

    Raises DataError for data that a run would refuse before it opens an image.
    """
    if data == BUNDLED_DATA:
        return _bundled()
    try:
        folder = Path(data).expanduser()
    except RuntimeError:
        wrong = f"is {quoted(data)}, but there is no such home folder"
        raise DataError("--data", wrong, "write the folder's whole path") from None
    *_, last = find_readable(folder)
    assert isinstance(last, ReadableImages)
    images = last.images
    classes = _class_counts(images)
    sizes, bad = _sizes(folder, _some_names(images))
    samples = _samples(images.train, len(classes))
    warnings = (*bad, *_warnings(classes))
    return DataSummary(
        classes, images.brings_validation, samples, sizes, warnings, last.left_out, last.skipped
    )


def fingerprint(data: str) -> tuple[int, ...]:
    """Return numbers that change when images are added or removed; () if the data is unreadable."""
    if data == BUNDLED_DATA:
        return ()
    try:
        folder = Path(data).expanduser()
        inner = [p for p in visible_folders(folder) if p.name in (TRAIN, *VALIDATION)]
        folders = [
            folder,
            *visible_folders(folder),
            *chain.from_iterable(map(visible_folders, inner)),
        ]
        return tuple(path.stat().st_mtime_ns for path in folders)
    except (OSError, ValueError, RuntimeError):
        return ()


def every_nth(items: Sequence[_T], most: int) -> list[_T]:
    """Return at most `most` of the items, at equal distances from the first on."""
    if len(items) <= most:
        return list(items)
    return [items[at * len(items) // most] for at in range(most)]


def _bundled() -> DataSummary:
    bundled = read_bundled()
    train, validation = (
        ImageFiles(Path(), Names(map(str, range(len(split.labels)))), split.labels.astype(np.int64))
        for split in (bundled.train, bundled.validation)
    )
    classes = _class_counts(ImageSplits(train, validation, bundled.classes))
    side = bundled.train.images.shape[-1]
    sizes = ImageSizes((side, side), (side, side), 1)
    return DataSummary(classes, True, _samples(train, len(classes)), sizes, ())


def _class_counts(images: ImageSplits) -> tuple[ClassCount, ...]:
    train, validation = (
        np.bincount(split.labels, minlength=len(images.classes)).tolist()
        for split in (images.train, images.validation)
    )
    return tuple(map(ClassCount, images.classes, train, validation))


def _samples(files: ImageFiles, classes: int) -> tuple[Sample, ...]:
    """Return images of each class in turn."""
    chosen = every_nth(range(classes), _SAMPLES)
    each = -(-_SAMPLES // len(chosen))
    rows = zip_longest(
        *(every_nth(np.flatnonzero(files.labels == label).tolist(), each) for label in chosen)
    )
    positions = [at for row in rows for at in row if at is not None][:_SAMPLES]
    return tuple(Sample(files.names[at], int(files.labels[at])) for at in positions)


def _some_names(images: ImageSplits) -> list[str]:
    """Return the names of some images, from all over both splits."""
    train, validation = images.train.names, images.validation.names
    positions = every_nth(range(len(train) + len(validation)), _OPENED)
    return [train[at] if at < len(train) else validation[at - len(train)] for at in positions]


def _sizes(folder: Path, names: Sequence[str]) -> tuple[ImageSizes | None, tuple[str, ...]]:
    """Return the sizes of these images, and a warning for those that cannot be read."""
    sizes, bad = [], []
    for name in names:
        try:
            with open_image(folder / name) as image:
                sizes.append(image.size)
        except UNREADABLE as error:
            bad.append(f"{name} ({why_unreadable(error)})")
    warnings: tuple[str, ...] = ()
    if bad:
        which = "1 cannot" if len(bad) == 1 else f"{len(bad)} cannot"
        named = ", ".join(bad[:_NAMED]) + (" …" if len(bad) > _NAMED else "")
        warnings = (
            f"Of {len(names)} images, {which} be read, and a run that uses one fails: {named}.",
        )
    if not sizes:
        return None, warnings
    sizes.sort(key=lambda size: size[0] * size[1])
    return ImageSizes(sizes[0], sizes[-1], len(sizes)), warnings


def _warnings(classes: tuple[ClassCount, ...]) -> tuple[str, ...]:
    lines = []
    lone = [each.name for each in classes if each.train < 2]
    if lone:
        lines.append(f"{_named(lone)} with fewer than 2 training images: little can be learned.")
    not_validated = [each.name for each in classes if not each.validation]
    if not_validated:
        lines.append(f"{_named(not_validated)} without validation images: they are not evaluated.")
    most = max(classes, key=lambda each: each.train)
    least = min(classes, key=lambda each: each.train)
    if most.train >= _UNBALANCED * least.train:
        times = most.train / max(1, least.train)
        share = most.train / sum(each.train for each in classes)
        lines.append(
            f"Unbalanced: {most.name} has {most.train:,} training images, {least.name} "
            f"{least.train:,}, {times:.0f} times fewer. {most.name} alone is {share:.0%} of all: "
            "compare the accuracy with that."
        )
    validation = sum(each.validation for each in classes)
    if validation < _FEW:
        lines.append(
            f"{validation} validation images: each counts for {1 / validation:.1%} of the accuracy."
        )
    return tuple(lines)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{'Class' if len(names) == 1 else 'Classes'} {', '.join(names[:_NAMED])}{more}"
