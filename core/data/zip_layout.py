"""Where the files of an uploaded zip go: which folder of it is a class, and what it is called."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from core.data.image_folder import SUFFIXES, TRAIN
from core.data.zip_members import Member
from core.errors import DataError, shown

_SPLITS: Mapping[str, str] = {
    "train": TRAIN,
    "training": TRAIN,
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Folders that hold a split, in lower case; `test` is for validation where there is no `val`."""
_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}
_LONGEST = 60
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
class Placed:
    """A file of the zip, the folder that it goes to (`cats`, or `train/cats`), and its name."""

    member: Member
    folder: PurePath
    label: str
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The files in class folders, and those outside of any."""

    placed: tuple[Placed, ...]
    outside: tuple[Member, ...]


def arrange(members: Iterable[Member], zip_name: str) -> Layout:
    """Find the class folders, below folders that merely wrap them, and below train and val.

    A class takes the files of the folders in it, too. Raises DataError, naming the zip, for two
    class folders that a file system may take for one.
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
            wrong = f"has two class folders with almost the same name, {shown(first)} and "
            raise DataError(zip_name, wrong + shown(inner[0]), "rename one of them")
        name = safe("_".join(inner[1:]))
        placed.append(Placed(member, PurePath(split, label), label, name))
    return Layout(tuple(placed), tuple(outside))


def _starts(member: Member, wrapper: tuple[str, ...]) -> bool:
    return member.parts[: len(wrapper)] == wrapper


def _wrapper(files: tuple[Member, ...]) -> tuple[str, ...]:
    """Return the folders that hold nothing but one folder, which holds folders."""
    wrapper: tuple[str, ...] = ()
    while True:
        below = [m.parts[len(wrapper) :] for m in files if _starts(m, wrapper)]
        names = {parts[0] for parts in below if len(parts) > 1}
        if len(names) != 1 or max(map(len, below)) < 3:
            return wrapper
        wrapper += (names.pop(),)


def _splits(names: set[str]) -> Mapping[str, str]:
    """Return the split of each folder, if there is one for training and one for validation."""
    roles = {name: _SPLITS[name.casefold()] for name in names if name.casefold() in _SPLITS}
    held_out = next((role for role in ("val", "test") if role in roles.values()), None)
    if TRAIN not in roles.values() or held_out is None:
        return {}
    written = {TRAIN: TRAIN, held_out: "val"}
    return {name: written[role] for name, role in roles.items() if role in written}


def safe(name: str) -> str:
    """A name that any file system takes for one file in one folder, as like the given as can be."""
    text = unicodedata.normalize("NFC", name)
    text = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in text)
    suffix = PurePath(text).suffix[:8]
    stem = text[: len(text) - len(suffix)][: _LONGEST - len(suffix)] if suffix else text[:_LONGEST]
    text = (stem + suffix).strip(". ") or "_"
    reserved = text.partition(".")[0].strip().casefold() in _RESERVED
    return f"_{text}" if reserved else text


def with_suffix(name: str, image_format: str) -> str:
    """Return the name, with a suffix for what the file really is if it has none of an image."""
    if PurePath(name).suffix.lower() in SUFFIXES:
        return name
    return name + _BY_FORMAT.get(image_format, ".png")
