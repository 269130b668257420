"""Folders of class folders: their classes, and their images for training and validation."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.data.bundled import BUNDLED_CLASSES, BUNDLED_DATA
from core.errors import DataError

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Suffixes of image files, in lower case."""
TRAIN = "train"
VALIDATION = ("val", "valid", "validation", "test")
"""Folders of a data set with its own splits; of those for validation, the first that exists."""
_HOLD_OUT_EVERY = 5
_FLAG = "--data"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file and the index of its class."""

    path: Path
    label: int


@dataclass(frozen=True, slots=True)
class ImageSplits:
    """The image files of both splits, by class and then by name.

    `brings_validation` says whether the data has its own validation images; else they are held out.
    """

    train: tuple[ImageFile, ...]
    validation: tuple[ImageFile, ...]
    classes: tuple[str, ...]
    brings_validation: bool = False


def find_images(folder: Path, left_out: Collection[Path] | None = None) -> ImageSplits:
    """Return the images of `folder`, split into training and validation.

    With a folder `train` and one of `val`, `valid`, `validation`, `test`, these hold the class
    folders. Otherwise the folders in `folder` are the classes, and every fifth image of a class, in
    order of names (the last of fewer than five), is held out for validation. Files in subfolders of
    a class belong to it. By default, files with the suffix of an image are taken; with `left_out`,
    all other files, and a class whose files are all left out is left out itself. Names that begin
    with a dot are ignored.

    Raises DataError for a folder that does not exist or cannot be read, fewer than two classes, a
    class without images, a validation class that training does not have, and a name that is not
    UTF-8, which neither a run's folder nor a page could write.
    """
    roots = _splits(folder)
    if len(roots) > 1:
        return _own_splits(roots[0], roots[1], left_out)
    classes = _class_images(folder, left_out)
    train: list[ImageFile] = []
    validation: list[ImageFile] = []
    for label, (name, paths) in enumerate(classes.items()):
        if len(paths) < 2:
            wrong = f"whose class {name!r} has one image"
            raise _refuse(folder, wrong, "give every class at least two: one is for validation")
        held_out = set(range(_HOLD_OUT_EVERY - 1, len(paths), _HOLD_OUT_EVERY)) or {len(paths) - 1}
        for at, path in enumerate(paths):
            (validation if at in held_out else train).append(ImageFile(path, label))
    return ImageSplits(tuple(train), tuple(validation), tuple(classes))


def files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files in class folders, and all other files, both without hidden ones.

    Raises DataError for a folder that does not exist or cannot be read.
    """
    classes = [path for root in _splits(folder) for path in _folders(root).values()]
    inside = [file for path in classes for file in _files(path)]
    known = set(inside)
    return inside, [file for file in _files(folder) if file not in known]


def count_classes(data: str) -> int | None:
    """Return the number of classes of the run settings' `data`: of the bundled images or a folder.

    Where the folder has its own splits, those of `train` count. None where it has fewer than two
    class folders, or cannot be read.
    """
    if data == BUNDLED_DATA:
        return BUNDLED_CLASSES
    try:
        folder = Path(data).expanduser()
        return _count(folder, folder.stat().st_mtime_ns)
    except (OSError, RuntimeError, ValueError):
        return None


@lru_cache(maxsize=16)
def _count(folder: Path, changed: int) -> int | None:
    """Return the number of class folders; None if there are fewer than two.

    `changed`, the folder's modification time, is only a cache key.
    """
    names = {path.name for path in visible_folders(folder)}
    if TRAIN in names and any(name in names for name in VALIDATION):
        names = {path.name for path in visible_folders(folder / TRAIN)}
    return len(names) if len(names) > 1 else None


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder whose names do not begin with a dot; OSError if unreadable."""
    with os.scandir(folder) as entries:
        return [Path(e.path) for e in entries if e.is_dir() and not e.name.startswith(".")]


def _splits(folder: Path) -> tuple[Path, ...]:
    """Return the folders of class folders: for training and validation, or `folder` alone."""
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


def _own_splits(train: Path, validation: Path, left_out: Collection[Path] | None) -> ImageSplits:
    learned, validated = _class_images(train, left_out), _class_images(validation, left_out)
    unknown = sorted(set(validated) - set(learned))
    if unknown:
        wrong = f"which has a class {unknown[0]!r} of which {train} has no image that can be read"
        raise _refuse(validation, wrong, "use the same class folders in both")
    labels = {name: label for label, name in enumerate(learned)}
    return ImageSplits(
        tuple(ImageFile(path, labels[name]) for name, paths in learned.items() for path in paths),
        tuple(ImageFile(path, labels[name]) for name, paths in validated.items() for path in paths),
        tuple(learned),
        brings_validation=True,
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
        holds = f"one {which}, {next(iter(classes))!r}" if classes else f"no {which}"
        raise _refuse(folder, f"which holds {holds}", "put each class's images in its own folder")
    return classes


def _folders(folder: Path) -> dict[str, Path]:
    try:
        listed = sorted(path for path in folder.iterdir() if not is_hidden(path.name))
        return _with_utf8_names({path.name: path for path in listed if path.is_dir()}, folder)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _images(files: list[Path], left_out: Collection[Path] | None) -> list[Path]:
    if left_out is None:
        return [path for path in files if path.suffix.lower() in SUFFIXES]
    return [path for path in files if path not in left_out]


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder and below it, sorted, without hidden ones."""
    files: list[Path] = []
    try:
        for path, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if not is_hidden(name)]
            files += [Path(path, name) for name in names if not is_hidden(name)]
    except OSError as error:
        raise _unreadable(folder, error) from None
    return list(_with_utf8_names({str(path): path for path in sorted(files)}, folder).values())


def _raise(error: OSError) -> None:
    raise error


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is ignored: hidden, or added to zips by macOS."""
    return name.startswith(".") or name == "__MACOSX"


def _with_utf8_names(paths: dict[str, Path], folder: Path) -> dict[str, Path]:
    for path in paths.values():
        name = str(path.relative_to(folder))
        try:
            name.encode()
        except UnicodeEncodeError:
            wrong = f"where the name {name!r} is not UTF-8"
            raise _refuse(folder, wrong, "give it another name") from None
    return paths


def _unreadable(folder: Path, error: OSError) -> DataError:
    return _refuse(folder, f"which cannot be read ({error.strerror})", "grant read permission")


def _refuse(folder: Path, wrong: str, way_out: str) -> DataError:
    return DataError(_FLAG, f"is {str(folder)!r}, {wrong}", way_out)
