"""A look at the data before a run: classes and counts, some images, their sizes, what is odd."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

from core.data.bundled import BUNDLED_DATA, read_bundled
from core.data.image_files import UNREADABLE, open_image, reason
from core.data.image_folder import TRAIN, VALIDATION, Found, Item
from core.data.readable import Readable, find_readable
from core.errors import DataError, shown

_SAMPLES = 24
_OPENED = 200
"""Files whose headers are read to tell the sizes: a data set may have very many."""
_UNBALANCED = 5.0
_FEW = 50
"""Validation images of which one is two percent of the accuracy, or more."""
_NAMED = 3
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ClassCount:
    """A class and its images."""

    name: str
    train: int
    validation: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One training image: its path below the folder, or its place in the bundled ones."""

    name: str
    label: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Width and height in pixels of the smallest and the largest of `opened` images, by area."""

    smallest: tuple[int, int]
    largest: tuple[int, int]
    opened: int


@dataclass(frozen=True, slots=True)
class Look:
    """What there is. `given`: the data brings its validation images, else they are held out.

    `left_out` and `skipped` are those of `core.data.readable`.
    """

    classes: tuple[ClassCount, ...]
    given: bool
    samples: tuple[Picture, ...]
    sizes: Sizes | None
    warnings: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    skipped: int = 0

    @property
    def train(self) -> int:
        """Training images."""
        return sum(each.train for each in self.classes)

    @property
    def validation(self) -> int:
        """Validation images."""
        return sum(each.validation for each in self.classes)


def look_at(data: str) -> Look:
    """Look at the run settings' `data`; its files are tried as those of a run are.

    Raises DataError for what a run would refuse before it opens an image.
    """
    if data == BUNDLED_DATA:
        return _bundled()
    try:
        folder = Path(data).expanduser()
    except RuntimeError:
        wrong = f"is {shown(data)}, but there is no such home folder"
        raise DataError("--data", wrong, "write the folder's whole path") from None
    *_, last = find_readable(folder)
    assert isinstance(last, Readable)
    found = last.images
    classes = _counted(found)
    sizes, bad = _sizes(spread([*found.train, *found.validation], _OPENED), folder)
    samples = tuple(
        Picture(item.path.relative_to(folder).as_posix(), item.label)
        for item in _samples(found.train, len(classes))
    )
    warnings = (*bad, *_warnings(classes))
    return Look(classes, found.given, samples, sizes, warnings, last.left_out, last.skipped)


def fingerprint(data: str) -> tuple[int, ...]:
    """Changes when images are added to the data or taken away; () if it cannot be read."""
    if data == BUNDLED_DATA:
        return ()
    try:
        folder = Path(data).expanduser()
        inner = [p for p in _folders(folder) if p.name in (TRAIN, *VALIDATION)]
        seen = [folder, *_folders(folder), *chain.from_iterable(map(_folders, inner))]
        return tuple(path.stat().st_mtime_ns for path in seen)
    except (OSError, ValueError, RuntimeError):
        return ()


def spread(items: Sequence[_T], most: int) -> list[_T]:
    """At most so many of the items, evenly from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[at * len(items) // most] for at in range(most)]


def _bundled() -> Look:
    stored = read_bundled()
    train, validation = (Counter(s.labels.tolist()) for s in (stored.train, stored.validation))
    classes = tuple(
        ClassCount(name, train[label], validation[label])
        for label, name in enumerate(stored.classes)
    )
    items = [Item(Path(str(at)), label) for at, label in enumerate(stored.train.labels.tolist())]
    samples = tuple(Picture(i.path.name, i.label) for i in _samples(items, len(classes)))
    side = stored.train.images.shape[-1]
    return Look(classes, True, samples, Sizes((side, side), (side, side), 1), ())


def _counted(found: Found) -> tuple[ClassCount, ...]:
    train, validation = (Counter(i.label for i in s) for s in (found.train, found.validation))
    return tuple(
        ClassCount(name, train[label], validation[label])
        for label, name in enumerate(found.classes)
    )


def _samples(items: Sequence[Item], classes: int) -> list[Item]:
    """Images of every class in turn, as far as they go."""
    by_class: list[list[Item]] = [[] for _ in range(classes)]
    for item in items:
        by_class[item.label].append(item)
    shown = spread(by_class, _SAMPLES)
    each = -(-_SAMPLES // len(shown))
    rows = zip_longest(*(spread(items, each) for items in shown))
    return [item for row in rows for item in row if item is not None][:_SAMPLES]


def _sizes(items: Sequence[Item], folder: Path) -> tuple[Sizes | None, tuple[str, ...]]:
    """Return the sizes of these images, and a warning for those that cannot be read."""
    sizes, bad = [], []
    for item in items:
        try:
            with open_image(item.path) as image:
                sizes.append(image.size)
        except UNREADABLE as error:
            bad.append(f"{item.path.relative_to(folder).as_posix()} ({reason(error)})")
    warnings: tuple[str, ...] = ()
    if bad:
        which = "1 cannot" if len(bad) == 1 else f"{len(bad)} cannot"
        named = ", ".join(bad[:_NAMED]) + (" …" if len(bad) > _NAMED else "")
        warnings = (
            f"Of {len(items)} images, {which} be read, and a run that uses one fails: {named}.",
        )
    if not sizes:
        return None, warnings
    sizes.sort(key=lambda size: size[0] * size[1])
    return Sizes(sizes[0], sizes[-1], len(sizes)), warnings


def _warnings(classes: tuple[ClassCount, ...]) -> tuple[str, ...]:
    told = []
    lone = [each.name for each in classes if each.train < 2]
    if lone:
        told.append(f"{_named(lone)} with fewer than 2 training images: little can be learned.")
    unseen = [each.name for each in classes if not each.validation]
    if unseen:
        told.append(f"{_named(unseen)} without validation images: they are not evaluated.")
    most = max(classes, key=lambda each: each.train)
    least = min(classes, key=lambda each: each.train)
    if most.train >= _UNBALANCED * least.train:
        times = most.train / max(1, least.train)
        share = most.train / sum(each.train for each in classes)
        told.append(
            f"Unbalanced: {most.name} has {most.train:,} training images, {least.name} "
            f"{least.train:,}, {times:.0f} times fewer. {most.name} alone is {share:.0%} of all: "
            "compare the accuracy with that."
        )
    judged = sum(each.validation for each in classes)
    if judged < _FEW:
        told.append(
            f"{judged} validation images: each counts for {1 / judged:.1%} of the accuracy."
        )
    return tuple(told)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{'Class' if len(names) == 1 else 'Classes'} {', '.join(names[:_NAMED])}{more}"


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(e.path) for e in entries if e.is_dir() and not e.name.startswith(".")]
