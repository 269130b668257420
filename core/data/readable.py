"""Which files of a folder a run learns from: the images in its class folders that can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.data import uploads
from core.data.image_files import UNREADABLE, check_image, reason
from core.data.image_folder import Found, files_in, find_images
from core.data.zip_members import Limits

_THREADS = 4
_TELL_EVERY = 50


@dataclass(frozen=True, slots=True)
class Tried:
    """So many of the folder's files have been tried."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Readable:
    """The images of a folder, and what of it is left out.

    `left_out` names the first files with the reason of each; `skipped` counts all of them.
    """

    images: Found
    left_out: tuple[tuple[str, str], ...] = ()
    skipped: int = 0


def find_readable(folder: Path) -> Iterator[Tried | Readable]:
    """Yield progress while each file of a folder is tried, and the Readable as the last item.

    The same files are left out as of a zip of the folder; of a folder that was unpacked from a zip,
    the note beside it tells them. A folder of over 20,000 files or 2 GB, which no zip may hold, is
    not tried: a run fails at a file that it cannot read. Raises DataError as `find_images` does.
    """
    if note := uploads.read_note(folder):
        yield Readable(find_images(folder), note.left_out, note.skipped)
        return
    inside, outside = files_in(folder)
    if _is_too_much(inside, uploads.limits()):
        yield Readable(find_images(folder))
        return
    faults = dict.fromkeys(outside, "outside the class folders")
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for done, fault in enumerate(pool.map(_fault, inside)):
            if done % _TELL_EVERY == 0:
                yield Tried(done, len(inside))
            if fault:
                faults[inside[done]] = fault
    told = uploads.named((path.relative_to(folder).as_posix(), why) for path, why in faults.items())
    yield Readable(find_images(folder, faults), told, len(faults))


def left_out_lines(left_out: tuple[tuple[str, str], ...], skipped: int) -> list[str]:
    """Return a line per file that is left out, with the reason, and one for those not named."""
    lines = [f"{path}: {why}" for path, why in left_out]
    more = skipped - len(left_out)
    return [*lines, f"and {more:,} more"] if more else lines


def _is_too_much(files: Sequence[Path], most: Limits) -> bool:
    """Return whether a zip may not hold as many files, or as many bytes."""
    if len(files) > most.members:
        return True
    total = 0
    for path in files:
        with suppress(OSError):
            total += path.stat().st_size
    return total > most.unpacked


def _fault(path: Path) -> str:
    """Return why a file cannot be used as an image; nothing if it can."""
    try:
        check_image(path, uploads.limits().pixels)
    except UNREADABLE as error:
        return reason(error)
    return ""
