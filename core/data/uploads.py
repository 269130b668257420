"""Uploaded zips of class folders, unpacked into a folder whose name is a hash of the zip."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from core.data.bundled import BUNDLED_DATA, BUNDLED_TITLE
from core.data.image_files import UNREADABLE, check_image, pixels_decoded, why_unreadable
from core.data.zip_layout import Layout, PlacedFile, arrange, with_suffix
from core.data.zip_members import (
    UNZIPPABLE,
    ZIP_AGAIN,
    UploadLimits,
    ZipContents,
    open_zip,
    upload_digest,
)
from core.errors import DataError, one_line, quoted
from core.files.home import data_root, is_demo
from core.files.small_files import read_json

NOTE = ".upload.json"
"""The note beside the class folders: the zip's name, and what was left out of it."""
_LOCAL_LIMITS = UploadLimits(upload=500_000_000, unpacked=2_000_000_000)
_DEMO_LIMITS = UploadLimits(
    upload=20_000_000,
    unpacked=100_000_000,
    members=5_000,
    pixels=25_000_000,
    decoded=500_000_000,
    seconds=60.0,
)
_UNPACKING = ".unpacking-"
_INCOMING = ".incoming"
_ABANDONED = 24 * 3600.0
"""Seconds after which a half unpacked folder counts as left behind by a dead process."""
_NAMED = 20
_CHUNK = 1 << 16
_ANY_RATIO_UP_TO = 1_000_000
"""Bytes up to which a member may grow by any ratio."""
_MAX_RATIO = 200
"""Times its size to which a larger member may grow."""
_REPORT_EVERY = 25


@dataclass(frozen=True, slots=True)
class UnpackProgress:
    """How many of the zip's files are unpacked."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Upload:
    """An unpacked zip: its data folder, its name, and the files that were left out of it.

    `left_out` has the first of those with their reasons, and `skipped` counts all.
    """

    folder: Path
    name: str
    images: int
    skipped: int = 0
    left_out: tuple[tuple[str, str], ...] = ()


def limits() -> UploadLimits:
    """Return the limits of an upload, which are far lower in the hosted demo."""
    return _DEMO_LIMITS if is_demo() else _LOCAL_LIMITS


def folder() -> Path:
    """Return the folder of all uploads: `data` in Thaw's `data_root`."""
    return data_root() / "data"


def unpack(
    file: BinaryIO, name: str, data: Path, most: UploadLimits
) -> Generator[UnpackProgress | Upload, None, None]:
    """Unpack a zip into a folder in `data`: yield progress, and last the Upload.

    A zip that has been unpacked before is not unpacked again, unless files are missing. If the
    generator is closed early, nothing stays behind. Files that are no readable images are left out.
    Raises DataError, naming the zip, for one that is hostile, damaged, too large, or without two
    classes.
    """
    name = one_line(name)[:80] or "upload.zip"
    target = data / upload_digest(file, name, most)[:32]
    earlier = read_note(target)
    if earlier is not None and _is_whole(earlier):
        yield earlier
        return
    contents = open_zip(file, name)
    layout = arrange(contents.members, name)
    try:
        data.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(data)
        beside = Path(tempfile.mkdtemp(prefix=_UNPACKING, dir=data))
        try:
            yield from _Unpacker(contents, layout, name, beside, most).unpack()
            if earlier is not None:
                shutil.rmtree(target, ignore_errors=True)
            with suppress(OSError):  # another session was faster with the same bytes
                beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        wrong = f"cannot be unpacked into {str(data)!r} ({error.strerror or error})"
        raise DataError(name, wrong, "free some space there, or grant write permission") from None
    upload = read_note(target)
    if upload is None:
        raise DataError(name, f"cannot be put at {str(target)!r}", "remove what is there")
    yield upload


def read_note(unpacked: Path) -> Upload | None:
    """Return the upload whose data folder this is; None for any other folder."""
    try:
        note = read_json(unpacked / NOTE)
        left_out = tuple((str(path), str(why)) for path, why in note["left_out"])
        return Upload(
            unpacked, str(note["name"]), int(note["images"]), int(note["skipped"]), left_out
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None


def first_left_out(left_out: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the first files that are left out, with their reasons, shortened for messages."""
    return tuple((one_line(path)[:120], why) for path, why in islice(left_out, _NAMED))


def data_title(data: str) -> str:
    """Return the name for people of run settings' `data`: a bundled set, a zip, or a folder."""
    if data == BUNDLED_DATA:
        return BUNDLED_TITLE
    note = read_note(Path(data))
    return note.name if note else Path(data).name or data


def _is_whole(upload: Upload) -> bool:
    """Return whether its folders still hold as many files as were unpacked."""
    files = (path for path in upload.folder.rglob("*") if path.is_file())
    return sum(path.name != NOTE for path in files) >= upload.images


class _Unpacker:
    """The unpacking of one zip into one folder."""

    def __init__(
        self, contents: ZipContents, layout: Layout, name: str, into: Path, most: UploadLimits
    ) -> None:
        self._contents, self._layout, self._name, self._into = contents, layout, name, into
        self._most, self._room, self._pixels = most, most.unpacked, most.decoded
        self._taken: set[str] = set()
        self._repeated: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._left_out = [(m.path, "outside the class folders") for m in layout.outside]

    def unpack(self) -> Iterator[UnpackProgress]:
        placed = self._layout.placed
        end = time.monotonic() + self._most.seconds
        for done, each in enumerate(placed):
            if time.monotonic() > end:
                at = f"{done:,} of {len(placed):,} files were read"
                wrong = f"takes over {self._most.seconds:g} s to read: {at}"
                raise DataError(self._name, wrong, "take fewer images, or smaller ones")
            if done % _REPORT_EVERY == 0:
                yield UnpackProgress(done, len(placed))
            self._take(each)
        (self._into / _INCOMING).unlink(missing_ok=True)
        self._refuse_few_classes()
        note = {
            "name": self._name,
            "images": self._labels.total(),
            "skipped": len(self._left_out),
            "left_out": first_left_out(self._left_out),
        }
        (self._into / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        yield UnpackProgress(len(placed), len(placed))

    def _take(self, each: PlacedFile) -> None:
        """Unpack a file of the zip to its place, if it is an image."""
        incoming = self._into / _INCOMING
        try:
            self._stream(each, incoming)
        except (*UNZIPPABLE, zlib.error):
            self._left_out.append((each.member.path, "damaged in the zip"))
            return
        try:
            self._count(pixels_decoded(incoming, self._most.pixels))
            kind = check_image(incoming, self._most.pixels)
        except UNREADABLE as error:
            self._left_out.append((each.member.path, why_unreadable(error)))
            return
        target = self._into / each.folder / with_suffix(each.name, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(self._free(target))
        self._labels[each.label] += 1

    def _stream(self, each: PlacedFile, path: Path) -> None:
        """Unpack a file, and refuse it if it grows too large."""
        info, written = each.member.info, 0
        largest = max(_ANY_RATIO_UP_TO, info.compress_size * _MAX_RATIO)
        with self._contents.archive.open(info) as source, path.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                self._room -= len(chunk)
                if written > largest:
                    grows = f"which unpacks to over {_MAX_RATIO} times its size"
                    wrong = f"holds {quoted(each.member.path)}, {grows}, as a zip bomb does"
                    raise DataError(self._name, wrong, "save that image as PNG or JPEG")
                if self._room < 0:
                    wrong = f"unpacks to more than {self._most.unpacked / 1e6:,.0f} MB"
                    raise DataError(self._name, wrong, "take fewer images, or smaller ones")
                sink.write(chunk)

    def _count(self, pixels: int) -> None:
        """Count pixels against those that all members may have together."""
        self._pixels -= pixels
        if self._pixels < 0:
            wrong = f"holds images of more than {self._most.decoded / 1e6:,.0f} megapixels in all"
            raise DataError(self._name, wrong, "take fewer images, or smaller ones")

    def _free(self, target: Path) -> Path:
        """Return the path, or one with a number if another file has it on some file system."""
        free, asked = target, str(target).casefold()
        while str(free).casefold() in self._taken:
            self._repeated[asked] += 1  # counted, since a zip may have one name thousands of times
            free = target.with_name(f"{target.stem}-{self._repeated[asked] + 1}{target.suffix}")
        self._taken.add(str(free).casefold())
        return free

    def _refuse_few_classes(self) -> None:
        if len(self._labels) > 1:
            return
        if self._labels:
            wrong = f"holds images of one class, {quoted(next(iter(self._labels)))}"
        else:
            first = "".join(
                f", for example {one_line(p)[:80]} ({why})" for p, why in self._left_out[:1]
            )
            wrong = f"holds no image in a class folder{first}"
        raise DataError(self._name, wrong, f"{ZIP_AGAIN}, two classes or more")


def _remove_abandoned(data: Path) -> None:
    """Remove half unpacked folders that dead processes have left behind."""
    for left in data.glob(f"{_UNPACKING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
