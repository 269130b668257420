"""Folders of class folders: their classes, and their images for training and validation."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data.bundled import BUNDLED_CLASSES, BUNDLED_DATA
from core.data.names import Names
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


@dataclass(frozen=True, slots=True, eq=False)
class ImageFiles:
    """Image files of a folder: their paths below it, as in `cat/1.png`, and their classes' indices.

    Arrays, since there may be hundreds of thousands.
    """

    folder: Path
    names: Names
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def path(self, at: int) -> Path:
        """Return the whole path of the file at that position."""
        return self.folder / self.names[at]

    def take(self, positions: NDArray[np.int64]) -> ImageFiles:
        """Return the files at these positions."""
        return ImageFiles(self.folder, self.names.take(positions), self.labels[positions])


@dataclass(frozen=True, slots=True, eq=False)
class ImageSplits:
    """The image files of both splits, by class and then by name.

    `brings_validation` says whether the data has its own validation images; else they are held out.
    """

    train: ImageFiles
    validation: ImageFiles
    classes: tuple[str, ...]
    brings_validation: bool = False


def find_images(folder: Path, left_out: Collection[str] | None = None) -> ImageSplits:
    """Return the images of `folder`, split into training and validation.

    With a folder `train` and one of `val`, `valid`, `validation`, `test`, these hold the class
    folders. Otherwise the folders in `folder` are the classes, and every fifth image of a class, in
    order of names (the last of fewer than five), is held out for validation. Files in subfolders of
    a class belong to it. By default, files with the suffix of an image are taken; with `left_out`,
    files but those are, and a class whose files are all left out is left out itself. Names that
    begin with a dot are ignored.

    Raises DataError for a folder that does not exist or cannot be read, fewer than two classes, a
    class without images, a validation class that training does not have, and a name that is not
    UTF-8, which neither a run's folder nor a page could write.
    """
    roots = _roots(folder)
    if len(roots) > 1:
        return _own_splits(folder, roots, left_out)
    train = _class_images(folder, "", left_out)
    validation: dict[str, list[str]] = {}
    for name, images in train.items():
        if len(images) < 2:
            wrong = f"whose class {name!r} has one image"
            raise _refuse(folder, wrong, "give every class at least two: one is for validation")
        first = _HOLD_OUT_EVERY - 1
        held_out = slice(first, None, _HOLD_OUT_EVERY) if len(images) > first else slice(-1, None)
        validation[name] = images[held_out]
        del images[held_out]
    classes = tuple(train)
    return ImageSplits(
        _image_files(folder, train, classes), _image_files(folder, validation, classes), classes
    )


def files_in_classes(folder: Path) -> Iterator[str]:
    """Yield the paths below `folder` of the files in class folders, without hidden ones.

    Raises DataError for a folder that does not exist or cannot be read.
    """
    for root in _roots(folder):
        for name in _folders(folder / root):
            yield from _walk(folder, f"{root}{name}/")


def files_outside_classes(folder: Path) -> Iterator[str]:
    """Yield the paths below `folder` of all other files, without hidden ones.

    Raises DataError for a folder that does not exist or cannot be read.
    """
    roots = _roots(folder)
    for name in _walk(folder):
        if not any(name.startswith(root) and "/" in name[len(root) :] for root in roots):
            yield name


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


def _roots(folder: Path) -> tuple[str, ...]:
    """Return where below `folder` class folders lie: `train/` and `val/`, or "" for itself."""
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
    return (f"{TRAIN}/", f"{held_out}/") if TRAIN in below and held_out else ("",)


def _own_splits(
    folder: Path, roots: tuple[str, ...], left_out: Collection[str] | None
) -> ImageSplits:
    train, validation = (_class_images(folder, root, left_out) for root in roots)
    unknown = sorted(validation.keys() - train.keys())
    if unknown:
        where = folder / roots[0]
        wrong = f"which has a class {unknown[0]!r} of which {where} has no image that can be read"
        raise _refuse(folder / roots[1], wrong, "use the same class folders in both")
    classes = tuple(train)
    return ImageSplits(
        _image_files(folder, train, classes),
        _image_files(folder, validation, classes),
        classes,
        brings_validation=True,
    )


def _image_files(
    folder: Path, images: Mapping[str, list[str]], classes: tuple[str, ...]
) -> ImageFiles:
    """Return the images of each class, by its name, as files of `folder`."""
    names = Names(chain.from_iterable(images.values()))
    labels_of = {name: label for label, name in enumerate(classes)}
    labels = [labels_of[name] for name in images]
    return ImageFiles(folder, names, np.repeat(labels, [*map(len, images.values())]))


def _class_images(
    folder: Path, root: str, left_out: Collection[str] | None
) -> dict[str, list[str]]:
    """Return the images in each class folder, by its name, as paths below `folder`."""
    classes: dict[str, list[str]] = {}
    below = _folders(folder / root)
    for name in below:
        files = list(_walk(folder, f"{root}{name}/"))
        images = [file for file in files if _is_image(file, left_out)]
        if images:
            classes[name] = images
        elif left_out is None or not files:
            wrong = f"whose folder {name!r} holds no image that can be read"
            way_out = f"remove it, or put images there ({', '.join(sorted(SUFFIXES))})"
            raise _refuse(folder / root, wrong, way_out)
    if len(classes) < 2:
        which = "class folder" if len(classes) == len(below) else "class of images that can be read"
        holds = f"one {which}, {next(iter(classes))!r}" if classes else f"no {which}"
        way_out = "put each class's images in its own folder"
        raise _refuse(folder / root, f"which holds {holds}", way_out)
    return classes


def _is_image(name: str, left_out: Collection[str] | None) -> bool:
    if left_out is None:
        return Path(name).suffix.lower() in SUFFIXES
    return name not in left_out


def _folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without hidden ones."""
    try:
        below = sorted(p for p in folder.iterdir() if not is_hidden(p.name) and p.is_dir())
    except OSError as error:
        raise _unreadable(folder, error) from None
    return [_utf8(path.name, folder) for path in below]


def _walk(folder: Path, inside: str = "") -> Iterator[str]:
    """Yield the paths below `folder` of the files in its folder `inside` and below, without hidden.

    They come in the order of Path. Folders that are links are not followed.
    """
    ahead = [*reversed(_listed(folder, inside))]
    while ahead:
        name = ahead.pop()
        if name.endswith("/"):
            ahead += reversed(_listed(folder, name))
        else:
            yield _utf8(name, folder)


def _listed(folder: Path, inside: str) -> list[str]:
    """Return the paths below `folder` of what is in its folder `inside`; those of folders end in /.

    They are sorted by their names.
    """
    found: dict[str, str] = {}
    try:
        with os.scandir(folder / inside) as entries:
            for entry in entries:
                is_folder = _is_folder(entry)
                if not is_hidden(entry.name) and not (is_folder and entry.is_symlink()):
                    found[entry.name] = f"{inside}{entry.name}{'/' if is_folder else ''}"
    except OSError as error:
        raise _unreadable(folder / inside, error) from None
    return [found[name] for name in sorted(found, key=os.path.normcase)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, say, which a class without it can do without
        return False


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is ignored: hidden, or added to zips by macOS."""
    return name.startswith(".") or name == "__MACOSX"


def _utf8(name: str, folder: Path) -> str:
    """Return the name; raise DataError if it is not UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        wrong = f"where the name {name!r} is not UTF-8"
        raise _refuse(folder, wrong, "give it another name") from None
    return name


def _unreadable(folder: Path, error: OSError) -> DataError:
    return _refuse(folder, f"which cannot be read ({error.strerror})", "grant read permission")


def _refuse(folder: Path, wrong: str, way_out: str) -> DataError:
    return DataError(_FLAG, f"is {str(folder)!r}, {wrong}", way_out)
