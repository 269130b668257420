"""Images that strangers make: bombs, torn ones, and what only is called an image."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tests.data.zips import classes, png, zipped

_NO_IMAGE = "not an image"
_BOMB = "far too many pixels"
_HEAVY = "MB of memory: make it smaller"
_SLOW = "slow to decode"
_TORN = ""
"""Left out with the decoder's own words, of which there are many."""


def made() -> dict[str, tuple[bytes, str | None]]:
    """Each image with a part of the reason for which it is left out; None where it is read."""
    photo = Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3))
    whole, jpeg = _saved(photo, "PNG"), _saved(photo, "JPEG")
    sixteen = Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16)
    tags = Image.Exif()
    tags[0x0112] = 6
    return {
        "PNG of 900 million pixels": (_png_of(30_000, 30_000), _BOMB),
        "PNG of 60 million pixels": (_saved(Image.new("1", (10_000, 6_000)), "PNG"), _HEAVY),
        "PNG one pixel high": (_png_of(60_000_000, 1), _HEAVY),
        "PNG whose header says 2³¹": (_png_of(2**31 - 1, 2**31 - 1), _BOMB),
        "PNG without a width": (_png_of(0, 9), _TORN),
        "PNG with a text of 100 MB": (_with_chunk(whole, b"zTXt", _text(100_000_000)), _TORN),
        "PNG with a profile of 100 MB": (_with_chunk(whole, b"iCCP", _text(100_000_000)), _TORN),
        "PNG without its palette": (
            _saved(photo.convert("P"), "PNG").replace(b"PLTE", b"PLTX"),
            "",
        ),
        "PNG with a wrong CRC": (whole[:29] + b"\0\0\0\0" + whole[33:], _TORN),
        "PNG cut short": (whole[: len(whole) // 2], _TORN),
        "GIF of 4 billion pixels": (_gif_of(65_535, 65_535), _BOMB),
        "WebP of 268 million pixels": (_webp_of(16_383, 16_383), _BOMB),
        "WebP of 36 million pixels": (_saved(Image.new("L", (6_000, 6_000)), "WEBP"), _HEAVY),
        "JPEG that comes in passes": (
            _saved(Image.new("RGB", (6_200, 5_000)), "JPEG", progressive=True),
            _HEAVY,
        ),
        "JPEG that comes in 100,000 passes": (_in_passes(100_000), "scans: save it again"),
        "TIFF of 200 million pixels": (
            _saved(Image.new("1", (20_000, 10_000)), "TIFF", compression="group4"),
            _BOMB,
        ),
        "TIFF of one strip": (
            _saved(Image.new("L", (7_000, 7_000)), "TIFF", compression="tiff_deflate"),
            _HEAVY,
        ),
        "TIFF whose tags go round": (b"II*\0\x08\0\0\0\0\0\x08\0\0\0" + bytes(20), _TORN),
        "TIFF of 32 bits": (_saved(photo.convert("I"), "TIFF"), "32-bit grey"),
        "TIFF of floats": (_saved(photo.convert("F"), "TIFF"), "32-bit grey"),
        "PPM of 10¹⁸ pixels": (b"P6 999999999 999999999 255\n", _BOMB),
        "PBM written out": (b"P1 2 2 0 1 1 0\n", _SLOW),
        "PPM written out": (b"P3 1 1 255 1 2 3\n", _SLOW),
        "PPM of 101 shades": (b"P6 2 2 100\n" + bytes(12), _SLOW),
        "PGM of comments": (b"P2 5000 5000 255\n" + b"#\n" * 50_000, _SLOW),
        "BMP of 2³¹ pixels": (_bmp_of(2**31 - 1, 1), _BOMB),
        "JPEG cut short": (jpeg[: len(jpeg) // 2], _TORN),
        "JPEG without a height": (_no_height(jpeg), _TORN),
        "nothing": (b"", _NO_IMAGE),
        "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", _NO_IMAGE),
        "HTML": (b"<html><script>alert(1)</script></html>", _NO_IMAGE),
        "pickle": (pickle.dumps(["hello"]), _NO_IMAGE),
        "program for a printer": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", _NO_IMAGE),
        "PDF": (b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj", _NO_IMAGE),
        "icon": (_saved(photo, "ICO"), _NO_IMAGE),
        "program": (b"\x7fELF\x02\x01\x01" + bytes(60), _NO_IMAGE),
        "zip": (zipped(classes("a", "b")).getvalue(), _NO_IMAGE),
        "GIF that moves": (_moving(photo, "GIF"), None),
        "PNG that moves": (_moving(photo, "PNG"), None),
        "GIF and HTML": (_saved(photo.convert("P"), "GIF") + b"<script>alert(1)</script>", None),
        "JPEG and zip": (jpeg + zipped(classes("a", "b")).getvalue(), None),
        "JPEG for print": (_saved(photo.convert("CMYK"), "JPEG"), None),
        "JPEG of 48 million pixels": (_saved(Image.new("RGB", (8_000, 6_000)), "JPEG"), None),
        "JPEG whose EXIF is nonsense": (
            _saved(photo, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
            None,
        ),
        "JPEG on its side": (_saved(photo, "JPEG", exif=tags), None),
        "PNG of 16 bits": (_saved(sixteen, "PNG"), None),
        "PGM of 16 bits": (b"P5 2 2 65535\n" + b"\1\2" * 4, None),
        "PNG called JPEG": (png(5), None),
        "PNG of 39 million pixels": (_saved(Image.new("RGB", (7_800, 5_000)), "PNG"), None),
        "WebP of 9.9 million pixels": (_saved(Image.new("RGB", (1_980, 5_000)), "WEBP"), None),
        "TIFF of 20 million pixels": (
            _saved(Image.new("RGB", (3_960, 5_000)), "TIFF", compression="tiff_deflate"),
            None,
        ),
        "JPEG of 26 million pixels that comes in passes": (
            _saved(Image.new("RGB", (5_200, 5_000)), "JPEG", progressive=True),
            None,
        ),
    }


def zips() -> dict[str, tuple[bytes, str | None]]:
    """Each image in a zip of its own, as `cat/x.jpg`, beside four that are good."""
    good = classes("cat", "dog")
    return {
        name: (zipped([*good, ("cat/x.jpg", image)], method=_STORED).getvalue(), reason)
        for name, (image, reason) in made().items()
    }


_STORED = 0


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _moving(image: Image.Image, kind: str) -> bytes:
    frames: Sequence[Image.Image] = [image.rotate(angle) for angle in range(0, 360, 3)]
    return _saved(image, kind, save_all=True, append_images=frames)


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def _png_of(width: int, height: int) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(b"\0")) + _chunk(b"IEND", b"")
    )


def _with_chunk(whole: bytes, kind: bytes, content: bytes) -> bytes:
    """The PNG with another chunk behind its header, which has 33 bytes."""
    return whole[:33] + _chunk(kind, content) + whole[33:]


def _text(size: int) -> bytes:
    return b"x\0\0" + zlib.compress(bytes(size))


def _gif_of(width: int, height: int) -> bytes:
    small = _saved(Image.new("P", (1, 1)), "GIF")
    return small[:6] + struct.pack("<2H", width, height) + small[10:]


def _webp_of(width: int, height: int) -> bytes:
    small = _saved(Image.new("RGB", (1, 1)), "WEBP")
    at = small.index(b"\x9d\x01\x2a") + 3
    return small[:at] + struct.pack("<2H", width, height) + small[at + 4 :]


def _bmp_of(width: int, height: int) -> bytes:
    about = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + about + bytes(60)


def _in_passes(count: int) -> bytes:
    """A progressive JPEG whose last pass is told so many times more."""
    whole = _saved(Image.new("RGB", (64, 64)), "JPEG", progressive=True)
    last, end = whole.rindex(b"\xff\xda"), len(whole) - 2
    return whole[:end] + whole[last:end] * count + whole[end:]


def _no_height(jpeg: bytes) -> bytes:
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + b"\0\0" + jpeg[at + 2 :]
