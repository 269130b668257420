"""Image files of unknown origin: opened by their content, and decoded within limits."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""The formats that are decoded; for some others, such as EPS, Pillow starts programs."""
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    struct.error,
    Image.DecompressionBombWarning,
    Image.DecompressionBombError,
)
"""Pillow's errors for files that are truncated, damaged, no image, or far too large."""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The turn that makes each EXIF orientation upright; 1 needs none."""
_MAX_MEMORY = 160_000_000
"""Bytes that checking an image may take, since the pages' server does it."""
_MAX_SCANS = 30
"""Scans of a JPEG, about ten if progressive. One of 42 bytes takes 50 ms on 25 million pixels."""
_MEMORY = {"WEBP": 16, "TIFF": 8}
"""Bytes per pixel that decoding takes, where they are not those of the image's mode."""
_IN_PYTHON = ("ppm_plain", "ppm", "bmp_rle")
"""Pillow's slow decoders: pixels as text (100 KB can take half an hour), PNM files with other than
256 or 65,536 shades (a second for a million pixels), and BMP with run-length encoding."""
_SIXTEEN_BITS = ("PNG", "PPM")
"""Formats in which grey of mode I has 16 bits; in others it has 32, with any range."""
_CHECK_SIDE = 64
"""Side, in pixels, to which a JPEG is decoded in a check; its file is still read to the end."""


def open_image(path: Path, pixels: int | None = None) -> Image.Image:
    """Return the image in a file; only its header is read.

    It may have at most `pixels`, by default as many as Pillow allows without a warning.

    Raises one of UNREADABLE for anything but an image in a regular file (reading a pipe may never
    end), too many pixels, grey values of 32 bits (nothing says which is white), and formats that
    Pillow decodes slowly, in Python.
    """
    if path.exists() and not path.is_file():
        raise ValueError("not a regular file")
    image = Image.open(path, formats=FORMATS)
    most = pixels or Image.MAX_IMAGE_PIXELS
    if most is not None and image.width * image.height > most:
        image.close()
        raise Image.DecompressionBombError("far too many pixels")
    if image.mode == "F" or (image.mode == "I" and image.format not in _SIXTEEN_BITS):
        image.close()
        raise ValueError("32-bit grey: save it with 8 or 16 bits")
    if any(tile[0] in _IN_PYTHON for tile in image.tile):
        image.close()
        raise ValueError(f"{image.format} of a kind that is slow to decode: save it as PNG")
    return image


def pixels_decoded(path: Path, pixels: int | None = None) -> int:
    """Return the pixels of the image in a file, from its header.

    Raises one of UNREADABLE for a file that `open_image` refuses.
    """
    with open_image(path, pixels) as image:
        return image.width * image.height


def check_image(path: Path, pixels: int | None = None) -> str:
    """Read the image in a file to its end, and return its format (`JPEG`).

    Raises one of UNREADABLE for a file that `open_image` refuses, for an image that is truncated or
    damaged, would take over 160 MB of memory, or has far more scans than any camera's.
    """
    with open_image(path, pixels) as image:
        if image.format in ("JPEG", "MPO") and (scans := _scans(path)) > _MAX_SCANS:
            raise ValueError(f"has {scans:,} scans: save it again")
        if (memory := _memory(image)) > _MAX_MEMORY:
            raise ValueError(f"takes {memory / 1e6:,.0f} MB of memory: make it smaller")
        image.verify()
    with open_image(path, pixels) as image:  # after verify, an image cannot be used
        image.draft("RGB", (_CHECK_SIDE, _CHECK_SIDE))
        image.load()
        return image.format or ""


def as_rgb(image: Image.Image) -> Image.Image:
    """Return the image as RGB of 8 bits; raises one of UNREADABLE if it cannot be decoded.

    Grey of 16 bits keeps the upper 8: Pillow would turn all values above 255 to white.
    """
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def upright(image: Image.Image, pixels: Image.Image) -> Image.Image:
    """Return `pixels`, which were made of `image`, turned upright as its EXIF orientation says.

    The image must be decoded already; an unreadable orientation counts as none.
    """
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 0))
    except (*UNREADABLE, TypeError, KeyError):
        return pixels
    return pixels if turn is None else pixels.transpose(turn)


def _scans(path: Path) -> int:
    """Return the scans of a JPEG, and of its preview: their marker occurs nowhere else."""
    return path.read_bytes().count(b"\xff\xda")


def _memory(image: Image.Image) -> int:
    """Return the most bytes that checking an image takes, from its header."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):  # a baseline one is made small line by line
        return pixels * 2 * len(image.getbands()) if "progressive" in image.info else 0
    return pixels * _MEMORY.get(image.format or "", 10 if image.mode.startswith("I") else 4)


def why_unreadable(error: BaseException) -> str:
    """Return in a few words why an image cannot be read, from one of UNREADABLE."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return "far too many pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # without the path
    return str(error).partition("\n")[0] or type(error).__name__
