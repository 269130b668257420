"""The images in class folders that can be read: those that a run learns from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.data import uploads
from core.data.image_files import UNREADABLE, check_image, why_unreadable
from core.data.image_folder import (
    ImageSplits,
    files_in_classes,
    files_outside_classes,
    find_images,
)

_THREADS = 4
_REPORT_EVERY = 50


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """How many of the folder's files have been checked."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ReadableImages:
    """The images of a folder, and the files of it that are left out.

    `left_out` has the first of those with their reasons, and `skipped` counts all.
    """

    images: ImageSplits
    left_out: tuple[tuple[str, str], ...] = ()
    skipped: int = 0


def find_readable(folder: Path) -> Iterator[ReadProgress | ReadableImages]:
    """Check each file of a folder: yield progress, and last the ReadableImages.

    The same files are left out as in a zip of the folder. For a folder that was unpacked from a
    zip, they are listed in its note. A folder of over 20,000 files or 2 GB, more than a zip may
    have, is not checked, and a run fails at a file that it cannot read. Raises DataError for a
    folder in which `find_images` finds no data set.
    """
    if note := uploads.read_note(folder):
        yield ReadableImages(find_images(folder), note.left_out, note.skipped)
        return
    most = uploads.limits()
    inside = list(islice(files_in_classes(folder), most.members + 1))
    if len(inside) > most.members or _bytes(folder, inside) > most.unpacked:
        yield ReadableImages(find_images(folder))
        return
    faults = dict.fromkeys(files_outside_classes(folder), "outside the class folders")
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for done, fault in enumerate(pool.map(_fault, map(folder.joinpath, inside))):
            if done % _REPORT_EVERY == 0:
                yield ReadProgress(done, len(inside))
            if fault:
                faults[inside[done]] = fault
    yield ReadableImages(
        find_images(folder, faults), uploads.first_left_out(faults.items()), len(faults)
    )


def left_out_lines(left_out: tuple[tuple[str, str], ...], skipped: int) -> list[str]:
    """Return a line for each file named in `left_out`, with its reason, and one for the rest."""
    lines = [f"{path}: {why}" for path, why in left_out]
    more = skipped - len(left_out)
    return [*lines, f"and {more:,} more"] if more else lines


def _bytes(folder: Path, names: Sequence[str]) -> int:
    total = 0
    for name in names:
        with suppress(OSError):
            total += (folder / name).stat().st_size
    return total


def _fault(path: Path) -> str:
    """Return why a file cannot be used as an image; "" if it can."""
    try:
        check_image(path, uploads.limits().pixels)
    except UNREADABLE as error:
        return why_unreadable(error)
    return ""
