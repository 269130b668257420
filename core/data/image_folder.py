"""Image files of a folder of class folders, split into training and validation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.data.bundled import BUNDLED_DATA
from core.errors import DataError

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""How image files are called, in lower case; what is called otherwise is passed over."""
TRAIN = "train"
VALIDATION = ("val", "valid", "validation", "test")
"""Folders of a data set that brings its own splits; of the second ones, the first that is there."""
_EVERY = 5
_FLAG = "--data"


@dataclass(frozen=True, slots=True)
class Item:
    """An image file and the index of its class."""

    path: Path
    label: int


@dataclass(frozen=True, slots=True)
class Found:
    """The image files of both splits, by class and then by name.

    `given` says whether the data brought its validation images, or they were held out of it.
    """

    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    classes: tuple[str, ...]
    given: bool = False


def find_images(folder: Path) -> Found:
    """The images of `folder`: its `train` and `val` folders, or its class folders.

    Where it has `train` and one of `val`, `valid`, `validation`, `test`, both hold class folders.
    Otherwise its own folders are the classes, and of each class, sorted by name, every fifth image
    (the last one of fewer than five) is kept for validation. Files that are no images by their
    suffix, and names that start with a dot, are passed over.

    Raises DataError for a folder that is not there or cannot be read, fewer than two classes,
    a class without images, a validation class that training does not know, and a name that is no
    UTF-8: neither a run's folder nor a page could write it.
    """
    try:
        folder.stat()
    except (OSError, ValueError):
        raise _refuse(
            folder, "which does not exist or is not accessible", f"name a folder, or {BUNDLED_DATA}"
        ) from None
    if not folder.is_dir():
        raise _refuse(folder, "which is not a folder", "name a folder with one folder per class")
    below = _folders(folder)
    held_out = next((name for name in VALIDATION if name in below), None)
    if TRAIN in below and held_out:
        return _given_splits(below[TRAIN], below[held_out])
    classes = _class_images(folder)
    train: list[Item] = []
    validation: list[Item] = []
    for label, (name, paths) in enumerate(classes.items()):
        if len(paths) < 2:
            wrong = f"whose class {name!r} has one image"
            raise _refuse(folder, wrong, "give every class at least two: one is for validation")
        kept = set(range(_EVERY - 1, len(paths), _EVERY)) or {len(paths) - 1}
        for at, path in enumerate(paths):
            (validation if at in kept else train).append(Item(path, label))
    return Found(tuple(train), tuple(validation), tuple(classes))


def _given_splits(train: Path, validation: Path) -> Found:
    learned, judged = _class_images(train), _class_images(validation)
    unknown = sorted(set(judged) - set(learned))
    if unknown:
        wrong = f"which has a class {unknown[0]!r} that {train} does not have"
        raise _refuse(validation, wrong, "use the same class folders in both")
    labels = {name: label for label, name in enumerate(learned)}
    return Found(
        tuple(Item(path, labels[name]) for name, paths in learned.items() for path in paths),
        tuple(Item(path, labels[name]) for name, paths in judged.items() for path in paths),
        tuple(learned),
        given=True,
    )


def _class_images(folder: Path) -> dict[str, list[Path]]:
    below = _folders(folder)
    if len(below) < 2:
        found = "no class folder" if not below else f"one class folder, {next(iter(below))!r}"
        raise _refuse(folder, f"which holds {found}", "put each class's images in its own folder")
    classes = {name: _images(path) for name, path in below.items()}
    for name, paths in classes.items():
        if not paths:
            wrong = f"whose folder {name!r} holds no image"
            way_out = f"remove it, or put images there ({', '.join(sorted(SUFFIXES))})"
            raise _refuse(folder, wrong, way_out)
    return classes


def _folders(folder: Path) -> dict[str, Path]:
    try:
        return _named({path.name: path for path in _listed(folder) if path.is_dir()}, folder)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _images(folder: Path) -> list[Path]:
    found = {path.name: path for path in _listed(folder) if path.suffix.lower() in SUFFIXES}
    return list(_named(found, folder).values())


def _named(found: dict[str, Path], folder: Path) -> dict[str, Path]:
    for name in found:
        try:
            name.encode()
        except UnicodeEncodeError:
            wrong = f"where the name {name!r} is not UTF-8"
            raise _refuse(folder, wrong, "give it another name") from None
    return found


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise _unreadable(folder, error) from None


def _unreadable(folder: Path, error: OSError) -> DataError:
    return _refuse(folder, f"which cannot be read ({error.strerror})", "grant read permission")


def _refuse(folder: Path, wrong: str, way_out: str) -> DataError:
    return DataError(_FLAG, f"is {str(folder)!r}, {wrong}", way_out)
