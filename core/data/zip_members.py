"""What a stranger's zip says that it holds, refused where it is hostile before a byte is unpacked.

Nothing in the zip's directory is believed that the system, or the memory, would have to pay for:
entries are counted by their signatures, may not share bytes, and sizes are measured while they are
unpacked (`core.data.uploads`). Names are text; what is written is called by `core.data.zip_layout`.
"""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from core.errors import DataError, shown

_ENTRY = b"PK\x01\x02"
"""Begins every entry of a zip's directory."""
_LOCAL_HEADER = 30
"""Bytes before an entry's content, at the least."""
_CHUNK = 1 << 20
_ENCRYPTED = 0x41
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others unpack without a bound on what one read gives."""
_DEEPEST, _LONGEST_PATH = 32, 1_000
_DRIVE = re.compile(r"[A-Za-z]:")
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst")
UNZIPPABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OverflowError,
    struct.error,
)
"""What zipfile raises for what is no zip, or a damaged one."""
AGAIN = "zip the folder that holds one folder of images per class again"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that an upload may hold.

    `upload` and `unpacked` are bytes, `members` entries; `ratio` is how many times its size an
    entry may grow to, `pixels` what an image may have, and `decoded` those of all that are tried.
    `seconds` bounds the whole unpacking, and is looked at between files.
    """

    upload: int
    unpacked: int
    members: int = 20_000
    ratio: int = 200
    pixels: int = 80_000_000
    decoded: int = 20_000_000_000
    seconds: float = 1800.0


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip, and its path there, part by part."""

    info: zipfile.ZipInfo
    parts: tuple[str, ...]

    @property
    def path(self) -> str:
        """Its path as text."""
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Contents:
    """A zip that is open, and its files but for hidden ones and those that macOS adds."""

    archive: zipfile.ZipFile
    members: tuple[Member, ...]


def digest(file: BinaryIO, name: str, limits: Limits) -> str:
    """The SHA-256 of an upload in hex; DataError if it is too large or holds too many entries.

    `name` is what it is called in messages.
    """
    file.seek(0)
    hashed, size, entries, tail = hashlib.sha256(), 0, 0, b""
    while chunk := file.read(_CHUNK):
        hashed.update(chunk)
        size += len(chunk)
        if size > limits.upload:
            most = f"{limits.upload / 1e6:,.0f} MB"
            raise DataError(name, f"is larger than {most}", "take fewer images, or smaller ones")
        entries += (tail + chunk).count(_ENTRY)
        tail = chunk[1 - len(_ENTRY) :]
    if entries > limits.members:
        wrong = f"holds {entries:,} entries, more than {limits.members:,}"
        raise DataError(name, wrong, "take fewer images")
    return hashed.hexdigest()


def contents(file: BinaryIO, name: str) -> Contents:
    """The files of a zip whose entries were counted; DataError for a hostile or damaged one."""
    try:
        archive = zipfile.ZipFile(file)
    except UNZIPPABLE:
        raise DataError(name, "is not a zip file, or is truncated", AGAIN) from None
    infos = archive.infolist()
    _refuse_shared_bytes(archive, infos, name)
    members = [_member(info, name) for info in infos]
    return Contents(archive, tuple(m for m in members if m is not None and not _hidden(m.parts)))


def _refuse_shared_bytes(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str) -> None:
    """Entries that overlap unpack to far more than a zip of their size could otherwise hold."""
    spans = sorted(
        (i.header_offset, i.header_offset + _LOCAL_HEADER + i.compress_size) for i in infos
    )
    if spans and spans[0][0] < 0:
        raise DataError(name, "has entries that begin before it does", AGAIN)
    spans.append((archive.start_dir, archive.start_dir))
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise DataError(name, "has entries that share their bytes, as in a zip bomb", AGAIN)


def _member(info: zipfile.ZipInfo, name: str) -> Member | None:
    """The entry, unless it is a folder; DataError if it is nothing that Thaw would unpack."""
    said = info.orig_filename.replace("\\", "/")
    parts = tuple(part for part in said.split("/") if part not in ("", "."))
    outside = said.startswith("/") or ".." in parts or any(map(_DRIVE.match, parts[:1]))
    if outside or "\0" in said:
        raise DataError(name, f"names {shown(said)}, a path that leads outside it", AGAIN)
    if len(parts) > _DEEPEST or len(said) > _LONGEST_PATH:
        wrong = f"names a path of {len(parts)} parts and {len(said):,} characters"
        raise DataError(name, wrong, AGAIN)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        way_out = "put the images themselves into the zip"
        raise DataError(name, f"holds {shown(said)}, a link or a device", way_out)
    if info.flag_bits & _ENCRYPTED:
        raise DataError(name, "is protected by a password", "save it without one")
    if said.endswith("/") or not parts:
        return None
    if info.compress_type not in _METHODS:
        wrong = f"is compressed with method {info.compress_type}, whose size cannot be bounded"
        raise DataError(name, wrong, "save it with Deflate, the usual method")
    if said.lower().endswith(_ARCHIVES) and not _hidden(parts):
        raise DataError(name, f"holds {shown(said)}, another archive", "unpack that one first")
    return Member(info, parts)


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)
