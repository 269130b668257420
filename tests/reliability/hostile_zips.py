"""Zips that nobody's zip program writes, and what Thaw says of each."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable

from tests.data.zips import classes, many_entries, png, zipped

GOOD = classes("cat", "dog")
_OUT = "a path that leads outside it"
_SHARED = "entries that share their bytes"
_NO_ZIP = "is not a zip file, or is truncated"
_ONE_LEFT = "whose class 'dog' has one image"
"""Of two: the other one is damaged."""
_ZEROS = b"\0" * 50_000_000
Info = zipfile.ZipInfo


def made() -> dict[str, tuple[bytes, str]]:
    """Each zip with a part of the message that refuses it; "" where it is unpacked."""
    plain = zipped(GOOD).getvalue()
    found = {name: (content, message) for name, content, message in _by_name()}
    return (
        found
        | _by_entry(plain)
        | _by_bytes(plain)
        | {
            "nested archive": (_with("cat/x.zip", plain), "another archive"),
            "nested archive called an image": (_with("cat/x.png", plain), ""),
            "bomb": (_with("cat/x.png", _ZEROS), "over 200 times its size"),
            "bomb of bombs": (_with("cat/x.png", zipped([("0", _ZEROS)]).getvalue()), ""),
            "one kernel for 15,000 entries": (many_entries(15_000).getvalue(), _SHARED),
            "100,000 members": (many_entries(100_000).getvalue(), "holds 100,000 entries"),
            "one path 1,000 times": (_many_of_one_path(1_000), ""),
            "bzip2": (zipped(GOOD, method=zipfile.ZIP_BZIP2).getvalue(), "with method 12"),
            "lzma": (zipped(GOOD, method=zipfile.ZIP_LZMA).getvalue(), "with method 14"),
            "zip64": (_zip64(), ""),
            "comment of 65,535 bytes": (_commented(plain, b"<script>" * 8191), ""),
            "empty zip": (zipped([]).getvalue(), "no image in a class folder"),
            "folders only": (zipped([("a/", b""), ("b/", b"")]).getvalue(), "no image in a class"),
            "one class": (zipped(classes("cat")).getvalue(), "holds images of one class"),
            "hidden files only": (
                zipped([(f"__MACOSX/{name}", content) for name, content in GOOD]).getvalue(),
                "no image in a class folder",
            ),
        }
    )


def _with(name: str, content: bytes) -> bytes:
    return zipped([*GOOD, (name, content)]).getvalue()


def _by_name() -> list[tuple[str, bytes, str]]:
    told = {
        "..": ("../x.png", _OUT),
        ".. further in": ("cat/../../x.png", _OUT),
        "absolute": ("/etc/x.png", _OUT),
        "drive letter": ("C:\\x.png", _OUT),
        "drive without a slash": ("c:x.png", _OUT),
        "backslashes": ("..\\..\\x.png", _OUT),
        "a server's share": ("\\\\server\\x.png", _OUT),
        "name of 5,000 bytes": ("cat/" + "x" * 5_000, "5,004 characters"),
        "200 folders deep": ("a/" * 200 + "1.png", "a path of 201 parts"),
        "text turned by RTL": ("cat/\u202egnp.exe", ""),
        "reserved names": ("con/nul.png", "whose class '_con' has one image"),
        "blanks and dots": ("cat/ . .png", ""),
        "other case": ("cat/0.PNG", ""),
        "other Unicode form": ("cat/e\u0301.png", ""),
        "full-width slash": ("cat/\uff0f..\uff0fx.png", ""),
        "HTML": ("cat/<img src=x onerror=alert(1)>.png", ""),
        "class in another case": ("CAT/1.png", "two class folders with almost the same name"),
        "file and folder of one name": ("cat", ""),
    }
    found = [(name, _with(path, png(9)), message) for name, (path, message) in told.items()]
    nul = _with("cat/x.png~.sh", png()).replace(b"x.png~.sh", b"x.png\0.sh")
    return [*found, ("NUL", nul, _OUT)]


def _by_entry(plain: bytes) -> dict[str, tuple[bytes, str]]:
    def edited(edit: Callable[[Info], object], message: str) -> tuple[bytes, str]:
        def one(info: Info) -> None:
            if info.filename == "dog/1.png":
                edit(info)

        return zipped(GOOD, one).getvalue(), message

    def to(field: str, value: int) -> Callable[[Info], object]:
        return lambda info: setattr(info, field, value)

    link, pipe, device = (kind << 16 for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR))
    return {
        "link": edited(to("external_attr", link), "a link or a device"),
        "pipe": edited(to("external_attr", pipe), "a link or a device"),
        "device": edited(to("external_attr", device), "a link or a device"),
        "overlap": edited(to("header_offset", 0), _SHARED),
        "offset beyond the end": edited(to("header_offset", len(plain) + 9), _SHARED),
        "size of 0": edited(to("file_size", 0), _ONE_LEFT),
        "size of 4 GB": edited(to("file_size", 2**32 - 2), ""),
        "compressed size of 2 GB": edited(to("compress_size", 2**31), _SHARED),
        "wrong CRC": edited(to("CRC", 1), _ONE_LEFT),
        "locked": edited(to("flag_bits", 0x1), "protected by a password"),
        "strongly locked": edited(to("flag_bits", 0x40), "protected by a password"),
        "patched data": edited(to("flag_bits", 0x20), _ONE_LEFT),
        "method 99": edited(to("compress_type", 99), "with method 99"),
        "other disk": edited(to("volume", 7), ""),
        "needs version 9.9": edited(to("extract_version", 99), _NO_ZIP),
    }


def _by_bytes(plain: bytes) -> dict[str, tuple[bytes, str]]:
    end = plain.rindex(b"PK\x05\x06")

    def at_end(place: int, value: bytes) -> bytes:
        return plain[: end + place] + value + plain[end + place + len(value) :]

    other_local = plain.replace(b"dog/1.png", b"../../../", 1)
    not_utf8 = plain.replace(b"dog/1.png", b"dog/\xff\xfe.p")
    return {
        "cut short": (plain[:-30], _NO_ZIP),
        "directory cut off": (plain[: len(plain) // 2], _NO_ZIP),
        "nothing": (b"", _NO_ZIP),
        "text": (b"hello", _NO_ZIP),
        "end alone": (plain[end:], _NO_ZIP),
        "count of 65,535": (at_end(8, b"\xff\xff\xff\xff"), ""),
        "directory beyond the end": (at_end(16, b"\xff\xff\xff\x7f"), "begin before it does"),
        "directory of 2 GB": (at_end(12, b"\xff\xff\xff\x7f"), _NO_ZIP),
        "GIF and zip": (b"GIF89a\x01\0\x01\0\0\0\0;" + plain, ""),
        "HTML and zip": (b"<script>alert(1)</script>" + plain, ""),
        "zip and HTML": (plain + b"<script>alert(1)</script>", ""),
        "two zips": (zipped(classes("x", "y")).getvalue() + plain, ""),
        "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(60), _NO_ZIP),
        "gzip": (b"\x1f\x8b\x08" + bytes(60), _NO_ZIP),
        "another name inside": (other_local, _ONE_LEFT),
        "name that is no UTF-8": (not_utf8, _NO_ZIP),
    }


def _many_of_one_path(count: int) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, of names that come again
        return zipped([*GOOD, *(("cat/same.png", png()) for _ in range(count))]).getvalue()


def _zip64() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in GOOD:
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(content)
    return stream.getvalue()


def _commented(plain: bytes, comment: bytes) -> bytes:
    return plain[:-2] + struct.pack("<H", len(comment)) + comment
