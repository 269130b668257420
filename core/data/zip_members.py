"""The members of an uploaded zip; a hostile zip is refused before a byte is unpacked.

The zip's directory is not trusted: entries are counted by their signatures, may not share bytes,
and `core.data.uploads` measures sizes while it unpacks. Names are only text: `core.data.zip_layout`
makes the names of files.
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

from core.data.image_folder import is_hidden
from core.errors import DataError, quoted

_ENTRY = b"PK\x01\x02"
"""The signature of an entry in a zip's directory."""
_LOCAL_HEADER = 30
"""The fewest bytes before an entry's content."""
_CHUNK = 1 << 20
_ENCRYPTED = 0x41
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others have no bound on the bytes that one read unpacks."""
_MAX_PARTS, _MAX_PATH_CHARACTERS = 32, 1_000
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
"""The errors of zipfile for anything but a valid zip."""
ZIP_AGAIN = "zip the folder that holds one folder of images per class again"


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """The most that an upload may hold.

    `upload` and `unpacked` are bytes, `members` entries. `pixels` are those of an image, `decoded`
    those of all images. `seconds` is for the whole unpacking, and is checked between files.
    """

    upload: int
    unpacked: int
    members: int = 20_000
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
        """The path as text."""
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class ZipContents:
    """An open zip and its files, without hidden ones and those that macOS adds."""

    archive: zipfile.ZipFile
    members: tuple[Member, ...]


def upload_digest(file: BinaryIO, name: str, limits: UploadLimits) -> str:
    """Return the SHA-256 of an upload in hex; `name` is its name in messages.

    Raises DataError if it is too large or holds too many entries.
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


def open_zip(file: BinaryIO, name: str) -> ZipContents:
    """Open a zip whose entries have been counted; DataError if it is hostile or damaged."""
    try:
        archive = zipfile.ZipFile(file)
    except UNZIPPABLE:
        raise DataError(name, "is not a zip file, or is truncated", ZIP_AGAIN) from None
    infos = archive.infolist()
    _refuse_shared_bytes(archive, infos, name)
    members = [_member(info, name) for info in infos]
    return ZipContents(
        archive, tuple(m for m in members if m is not None and not any(map(is_hidden, m.parts)))
    )


def _refuse_shared_bytes(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], name: str) -> None:
    """Raise DataError for entries that overlap: they could unpack to far more than their zip."""
    spans = sorted(
        (i.header_offset, i.header_offset + _LOCAL_HEADER + i.compress_size) for i in infos
    )
    if spans and spans[0][0] < 0:
        raise DataError(name, "has entries that begin before it does", ZIP_AGAIN)
    spans.append((archive.start_dir, archive.start_dir))
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise DataError(name, "has entries that share their bytes, as in a zip bomb", ZIP_AGAIN)


def _member(info: zipfile.ZipInfo, name: str) -> Member | None:
    """Return the file of an entry, None for a folder; DataError if Thaw does not unpack it."""
    path = info.orig_filename.replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    outside = path.startswith("/") or ".." in parts or any(map(_DRIVE.match, parts[:1]))
    if outside or "\0" in path:
        raise DataError(name, f"names {quoted(path)}, a path that leads outside it", ZIP_AGAIN)
    if len(parts) > _MAX_PARTS or len(path) > _MAX_PATH_CHARACTERS:
        wrong = f"names a path of {len(parts)} parts and {len(path):,} characters"
        raise DataError(name, wrong, ZIP_AGAIN)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        way_out = "put the images themselves into the zip"
        raise DataError(name, f"holds {quoted(path)}, a link or a device", way_out)
    if info.flag_bits & _ENCRYPTED:
        raise DataError(name, "is protected by a password", "save it without one")
    if path.endswith("/") or not parts:
        return None
    if info.compress_type not in _METHODS:
        wrong = f"is compressed with method {info.compress_type}, whose size cannot be bounded"
        raise DataError(name, wrong, "save it with Deflate, the usual method")
    if path.lower().endswith(_ARCHIVES) and not any(map(is_hidden, parts)):
        raise DataError(name, f"holds {quoted(path)}, another archive", "unpack that one first")
    return Member(info, parts)
