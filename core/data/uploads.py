"""An uploaded zip of class folders, unpacked into a folder that is called by its content."""

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
from core.data.image_files import UNREADABLE, check_image, pixels_decoded, reason
from core.data.zip_layout import Layout, Placed, arrange, with_suffix
from core.data.zip_members import AGAIN, UNZIPPABLE, Contents, Limits, contents, digest
from core.errors import DataError, one_line, shown
from core.files.home import data_root, is_demo
from core.files.small_files import read_json

NOTE = ".upload.json"
"""Beside the class folders: what the zip was called, and what of it was left out."""
_HERE = Limits(upload=500_000_000, unpacked=2_000_000_000)
_DEMO = Limits(
    upload=20_000_000,
    unpacked=100_000_000,
    members=5_000,
    pixels=25_000_000,
    decoded=500_000_000,
    seconds=60.0,
)
_BESIDE = ".unpacking-"
_INCOMING = ".incoming"
_ABANDONED = 24 * 3600.0
"""Seconds after which a folder that is still being unpacked has been left by a dead process."""
_NAMED = 20
_CHUNK = 1 << 16
_GROWS_FREELY = 1_000_000
"""Bytes that a member may unpack to whatever its ratio."""
_TELL_EVERY = 25


@dataclass(frozen=True, slots=True)
class Unpacking:
    """So many of the zip's files are done."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A zip that was unpacked: its data folder, its own name, and what was left out of it.

    `left_out` names the first files with the reason of each; `skipped` counts all of them.
    """

    folder: Path
    name: str
    images: int
    skipped: int = 0
    left_out: tuple[tuple[str, str], ...] = ()


def limits() -> Limits:
    """Return what an upload may hold here: in a hosted demo, far less."""
    return _DEMO if is_demo() else _HERE


def folder() -> Path:
    """Return where uploads are kept: `data` in Thaw's `data_root`."""
    return data_root() / "data"


def unpack(
    file: BinaryIO, name: str, data: Path, most: Limits
) -> Generator[Unpacking | Upload, None, None]:
    """Progress while the zip is unpacked below `data`, and the Upload as the last item.

    A zip with the same bytes is not unpacked again unless files of it are gone. Left early,
    nothing stays behind. Raises DataError, naming the zip, for one that is hostile, damaged, too
    large, or without two classes. A file in it that is no image that can be read is left out, and
    named.
    """
    name = one_line(name)[:80] or "upload.zip"
    target = data / digest(file, name, most)[:32]
    before = read_note(target)
    if before is not None and _is_whole(before):
        yield before
        return
    held = contents(file, name)
    layout = arrange(held.members, name)
    try:
        data.mkdir(parents=True, exist_ok=True)
        _sweep(data)
        beside = Path(tempfile.mkdtemp(prefix=_BESIDE, dir=data))
        try:
            yield from _Unpacker(held, layout, name, beside, most).unpack()
            if before is not None:
                shutil.rmtree(target, ignore_errors=True)
            with suppress(OSError):  # another session was faster with the same bytes
                beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        wrong = f"cannot be unpacked into {str(data)!r} ({error.strerror or error})"
        raise DataError(name, wrong, "free some space there, or grant write permission") from None
    made = read_note(target)
    if made is None:
        raise DataError(name, f"cannot be put at {str(target)!r}", "remove what is there")
    yield made


def read_note(unpacked: Path) -> Upload | None:
    """Return what is known of a data folder that was an upload; None for any other."""
    try:
        told = read_json(unpacked / NOTE)
        left_out = tuple((str(path), str(why)) for path, why in told["left_out"])
        return Upload(
            unpacked, str(told["name"]), int(told["images"]), int(told["skipped"]), left_out
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None


def named(left_out: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the first files that are left out, with their reasons, as they are told."""
    return tuple((one_line(path)[:120], why) for path, why in islice(left_out, _NAMED))


def title(data: str) -> str:
    """Return what people call the data of run settings: the bundled set, a zip, or a folder."""
    if data == BUNDLED_DATA:
        return BUNDLED_TITLE
    note = read_note(Path(data))
    return note.name if note else Path(data).name or data


def _is_whole(upload: Upload) -> bool:
    """Return whether its folders still hold as many files as were unpacked, or more."""
    files = (path for path in upload.folder.rglob("*") if path.is_file())
    return sum(path.name != NOTE for path in files) >= upload.images


class _Unpacker:
    """One zip on its way into one folder."""

    def __init__(self, held: Contents, layout: Layout, name: str, into: Path, most: Limits) -> None:
        self._held, self._layout, self._name, self._into = held, layout, name, into
        self._most, self._room, self._pixels = most, most.unpacked, most.decoded
        self._taken: set[str] = set()
        self._same: Counter[str] = Counter()
        self._labels: Counter[str] = Counter()
        self._left_out = [(m.path, "outside the class folders") for m in layout.outside]

    def unpack(self) -> Iterator[Unpacking]:
        placed = self._layout.placed
        end = time.monotonic() + self._most.seconds
        for done, each in enumerate(placed):
            if time.monotonic() > end:
                at = f"{done:,} of {len(placed):,} files were read"
                wrong = f"takes over {self._most.seconds:g} s to read: {at}"
                raise DataError(self._name, wrong, "take fewer images, or smaller ones")
            if done % _TELL_EVERY == 0:
                yield Unpacking(done, len(placed))
            self._take(each)
        (self._into / _INCOMING).unlink(missing_ok=True)
        self._refuse_few_classes()
        note = {
            "name": self._name,
            "images": self._labels.total(),
            "skipped": len(self._left_out),
            "left_out": named(self._left_out),
        }
        (self._into / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        yield Unpacking(len(placed), len(placed))

    def _take(self, each: Placed) -> None:
        """Write a file of the zip where it belongs, if it is an image."""
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
            self._left_out.append((each.member.path, reason(error)))
            return
        target = self._into / each.folder / with_suffix(each.name, kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(self._free(target))
        self._labels[each.label] += 1

    def _stream(self, each: Placed, path: Path) -> None:
        """Unpack a file, and count what really comes out of it."""
        info, written = each.member.info, 0
        largest = max(_GROWS_FREELY, info.compress_size * self._most.ratio)
        with self._held.archive.open(info) as source, path.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                self._room -= len(chunk)
                if written > largest:
                    grows = f"which unpacks to over {self._most.ratio} times its size"
                    wrong = f"holds {shown(each.member.path)}, {grows}, as a zip bomb does"
                    raise DataError(self._name, wrong, "save that image as PNG or JPEG")
                if self._room < 0:
                    wrong = f"unpacks to more than {self._most.unpacked / 1e6:,.0f} MB"
                    raise DataError(self._name, wrong, "take fewer images, or smaller ones")
                sink.write(chunk)

    def _count(self, pixels: int) -> None:
        """Take from the pixels that all members together may have decoded."""
        self._pixels -= pixels
        if self._pixels < 0:
            wrong = f"holds images of more than {self._most.decoded / 1e6:,.0f} megapixels in all"
            raise DataError(self._name, wrong, "take fewer images, or smaller ones")

    def _free(self, target: Path) -> Path:
        """Return the path, or one with a number where a file system may hold it for taken."""
        made, asked = target, str(target).casefold()
        while str(made).casefold() in self._taken:
            self._same[asked] += 1  # kept, since a zip may hold one name thousands of times
            made = target.with_name(f"{target.stem}-{self._same[asked] + 1}{target.suffix}")
        self._taken.add(str(made).casefold())
        return made

    def _refuse_few_classes(self) -> None:
        if len(self._labels) > 1:
            return
        if self._labels:
            wrong = f"holds images of one class, {shown(next(iter(self._labels)))}"
        else:
            first = "".join(
                f", for example {one_line(p)[:80]} ({why})" for p, why in self._left_out[:1]
            )
            wrong = f"holds no image in a class folder{first}"
        raise DataError(self._name, wrong, f"{AGAIN}, two classes or more")


def _sweep(data: Path) -> None:
    """Remove what processes that are gone have left half unpacked."""
    for left in data.glob(f"{_BESIDE}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
