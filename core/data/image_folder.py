"""Image files of a folder of class folders, split into training and validation."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from core.data.bundled import BUNDLED_DATA
from core.errors import DataError

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""How image files are called, in lower case."""
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


def find_images(folder: Path, left_out: Collection[Path] | None = None) -> Found:
    """Return the images of `folder`: of its `train` and `val` folders, or of its class folders.

    Where it has `train` and one of `val`, `valid`, `validation`, `test`, both hold class folders.
    Otherwise its own folders are the classes, and of each class, sorted by name, every fifth image
    (the last one of fewer than five) is kept for validation. A class has the files of the folders
    in it, too: all but those in `left_out`, or, by default, those with the suffix of an image.
    A class whose files are all in `left_out` is left out itself. Names that start with a dot are
    passed over.

    Raises DataError for a folder that is not there or cannot be read, fewer than two classes,
    a class without images, a validation class that training does not know, and a name that is no
    UTF-8: neither a run's folder nor a page could write it.
    """
    roots = _splits(folder)
    if len(roots) > 1:
        return _given_splits(roots[0], roots[1], left_out)
    classes = _class_images(folder, left_out)
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


def files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files in the class folders that `find_images` finds, and all others.

    Hidden ones are in neither. Raises DataError for a folder that is not there or cannot be read.
    """
    classes = [path for root in _splits(folder) for path in _folders(root).values()]
    inside = [file for path in classes for file in _files(path)]
    known = set(inside)
    return inside, [file for file in _files(folder) if file not in known]


def _splits(folder: Path) -> tuple[Path, ...]:
    """Return the folders of class folders: for training and validation, or `folder` for both."""
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
    return (below[TRAIN], below[held_out]) if TRAIN in below and held_out else (folder,)


def _given_splits(train: Path, validation: Path, left_out: Collection[Path] | None) -> Found:
    learned, judged = _class_images(train, left_out), _class_images(validation, left_out)
    unknown = sorted(set(judged) - set(learned))
    if unknown:
        wrong = f"which has a class {unknown[0]!r} of which {train} has no image that can be read"
        raise _refuse(validation, wrong, "use the same class folders in both")
    labels = {name: label for label, name in enumerate(learned)}
    return Found(
        tuple(Item(path, labels[name]) for name, paths in learned.items() for path in paths),
        tuple(Item(path, labels[name]) for name, paths in judged.items() for path in paths),
        tuple(learned),
        given=True,
    )


def _class_images(folder: Path, left_out: Collection[Path] | None) -> dict[str, list[Path]]:
    below = _folders(folder)
    files = {name: _files(path) for name, path in below.items()}
    images = {name: _images(paths, left_out) for name, paths in files.items()}
    for name, paths in images.items():
        if not paths and (left_out is None or not files[name]):
            wrong = f"whose folder {name!r} holds no image that can be read"
            way_out = f"remove it, or put images there ({', '.join(sorted(SUFFIXES))})"
            raise _refuse(folder, wrong, way_out)
    classes = {name: paths for name, paths in images.items() if paths}
    if len(classes) < 2:
        which = "class folder" if len(classes) == len(below) else "class of images that can be read"
        found = f"one {which}, {next(iter(classes))!r}" if classes else f"no {which}"
        raise _refuse(folder, f"which holds {found}", "put each class's images in its own folder")
    return classes


def _folders(folder: Path) -> dict[str, Path]:
    try:
        listed = sorted(path for path in folder.iterdir() if not _hidden(path.name))
        return _named({path.name: path for path in listed if path.is_dir()}, folder)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _images(files: list[Path], left_out: Collection[Path] | None) -> list[Path]:
    if left_out is None:
        return [path for path in files if path.suffix.lower() in SUFFIXES]
    return [path for path in files if path not in left_out]


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder and in those below it, by name, but for hidden ones."""
    found = []
    try:
        for path, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if not _hidden(name)]
            found += [Path(path, name) for name in names if not _hidden(name)]
    except OSError as error:
        raise _unreadable(folder, error) from None
    return list(_named({str(path): path for path in sorted(found)}, folder).values())


def _raise(error: OSError) -> None:
    raise error


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _named(found: dict[str, Path], folder: Path) -> dict[str, Path]:
    for path in found.values():
        name = str(path.relative_to(folder))
        try:
            name.encode()
        except UnicodeEncodeError:
            wrong = f"where the name {name!r} is not UTF-8"
            raise _refuse(folder, wrong, "give it another name") from None
    return found


def _unreadable(folder: Path, error: OSError) -> DataError:
    return _refuse(folder, f"which cannot be read ({error.strerror})", "grant read permission")


def _refuse(folder: Path, wrong: str, way_out: str) -> DataError:
    return DataError(_FLAG, f"is {str(folder)!r}, {wrong}", way_out)
