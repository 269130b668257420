"""The class folders in an uploaded zip, and the paths that its files are unpacked to."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from core.data.image_folder import SUFFIXES, TRAIN
from core.data.zip_members import Member
from core.errors import DataError, quoted

_SPLITS: Mapping[str, str] = {
    "train": TRAIN,
    "training": TRAIN,
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Names of folders with a split, in lower case; `test` is for validation if there is no `val`."""
_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
_MAX_CHARACTERS = 60
_BY_FORMAT: Mapping[str, str] = {
    "BMP": ".bmp",
    "GIF": ".gif",
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "PPM": ".ppm",
    "TIFF": ".tif",
    "WEBP": ".webp",
}


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file of the zip, the folder that it goes to (`train/cats`), its class, and its name."""

    member: Member
    folder: PurePath
    label: str
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The files in class folders, and those outside of them."""

    placed: tuple[PlacedFile, ...]
    outside: tuple[Member, ...]


def arrange(members: Iterable[Member], zip_name: str) -> Layout:
    """Return the files of a zip that are in class folders, with their new places, and the others.

    Class folders may lie within folders that only wrap them, and in folders for training and
    validation. Files in subfolders of a class belong to it. Raises DataError, naming the zip, for
    two class folders that are one on some file systems.
    """
    files = tuple(members)
    wrapper = _wrapper(files)
    below = [(m, m.parts[len(wrapper) :] if _starts(m, wrapper) else ()) for m in files]
    splits = _splits({parts[0] for _, parts in below if len(parts) > 1})
    placed, outside = [], []
    known: dict[str, str] = {}
    for member, parts in below:
        split, inner = (splits.get(parts[0]), parts[1:]) if splits and parts else ("", parts)
        if split is None or len(inner) < 2:
            outside.append(member)
            continue
        label = safe(inner[0])
        first = known.setdefault(label.casefold(), inner[0])
        if first != inner[0]:
            wrong = f"has two class folders with almost the same name, {quoted(first)} and "
            raise DataError(zip_name, wrong + quoted(inner[0]), "rename one of them")
        name = safe("_".join(inner[1:]))
        placed.append(PlacedFile(member, PurePath(split, label), label, name))
    return Layout(tuple(placed), tuple(outside))


def _starts(member: Member, wrapper: tuple[str, ...]) -> bool:
    return member.parts[: len(wrapper)] == wrapper


def _wrapper(files: tuple[Member, ...]) -> tuple[str, ...]:
    """Return the path of folders at the top that hold nothing but one folder with folders."""
    wrapper: tuple[str, ...] = ()
    while True:
        below = [m.parts[len(wrapper) :] for m in files if _starts(m, wrapper)]
        names = {parts[0] for parts in below if len(parts) > 1}
        if len(names) != 1 or max(map(len, below)) < 3:
            return wrapper
        wrapper += (names.pop(),)


def _splits(names: set[str]) -> Mapping[str, str]:
    """Return the split of each folder; {} unless there are both training and validation."""
    roles = {name: _SPLITS[name.casefold()] for name in names if name.casefold() in _SPLITS}
    held_out = next((role for role in ("val", "test") if role in roles.values()), None)
    if TRAIN not in roles.values() or held_out is None:
        return {}
    target = {TRAIN: TRAIN, held_out: "val"}
    return {name: target[role] for name, role in roles.items() if role in target}


def safe(name: str) -> str:
    """Return the name with as few changes as make it valid on every file system."""
    text = unicodedata.normalize("NFC", name)
    text = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in text)
    suffix = PurePath(text).suffix[:8]
    stem = (
        text[: len(text) - len(suffix)][: _MAX_CHARACTERS - len(suffix)]
        if suffix
        else text[:_MAX_CHARACTERS]
    )
    text = (stem + suffix).strip(". ") or "_"
    reserved = text.partition(".")[0].strip().casefold() in _RESERVED
    return f"_{text}" if reserved else text


def with_suffix(name: str, image_format: str) -> str:
    """Return the name, with the suffix of its format if it has no suffix of an image."""
    if PurePath(name).suffix.lower() in SUFFIXES:
        return name
    return name + _BY_FORMAT.get(image_format, ".png")
