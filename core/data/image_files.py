"""Image files as strangers make them: opened by their content, never decoded without a limit."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""The decoders that are asked: no others, since some of Pillow's start programs (EPS)."""
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
"""What Pillow raises for files that are cut short, damaged, no image, or far too large."""
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
"""What makes each orientation of EXIF upright; 1 is."""
_MOST_MEMORY = 160_000_000
"""Bytes that trying an image may take, whatever its file's size: a page's server does it."""
_MOST_SCANS = 30
"""A progressive JPEG has ten. Of 42 bytes, one takes 50 ms on 25 million pixels."""
_MEMORY = {"WEBP": 16, "TIFF": 8}
"""Bytes per pixel that decoding takes, where it is not the image's own."""
_IN_PYTHON = ("ppm_plain", "ppm", "bmp_rle")
"""Pillow's decoders in Python: pixels as text (a file of 100 KB can take half an hour), of a PNM
that has not 256 or 65,536 shades (a second for a million pixels), and in runs of a BMP."""
_SIXTEEN_BITS = ("PNG", "PPM")
"""Formats whose grey of mode I has 16 bits; in the others it has 32, of any range."""
_TRY = 64
"""Pixels a side that a JPEG is decoded to when it is only tried: its file is read to the end."""


def open_image(path: Path, pixels: int | None = None) -> Image.Image:
    """Return the image in a file, whose header alone has been read.

    It may have as many `pixels`; by default as many as Pillow allows without a warning.

    Raises one of UNREADABLE for what is no image, or no plain file (a pipe has no end), for one of
    far too many pixels, for numbers of 32 bits instead of shades (nothing says which of them is
    white), and for what Pillow decodes in Python.
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
    """Return how many pixels are decoded to try the image in a file, which its header tells.

    Raises one of UNREADABLE as above.
    """
    with open_image(path, pixels) as image:
        return image.width * image.height


def check_image(path: Path, pixels: int | None = None) -> str:
    """Return the format of the image in a file (`JPEG`), which was read to its end without a fault.

    Raises one of UNREADABLE as above, for an image that is cut short or damaged, and for one that
    would take more than 160 MB of memory, or that comes in far more passes than any camera's.
    """
    with open_image(path, pixels) as image:
        if image.format in ("JPEG", "MPO") and (scans := _scans(path)) > _MOST_SCANS:
            raise ValueError(f"has {scans:,} scans: save it again")
        if (memory := _memory(image)) > _MOST_MEMORY:
            raise ValueError(f"takes {memory / 1e6:,.0f} MB of memory: make it smaller")
        image.verify()
    with open_image(path, pixels) as image:  # verify leaves an image that cannot be used any more
        image.draft("RGB", (_TRY, _TRY))
        image.load()
        return image.format or ""


def as_rgb(image: Image.Image) -> Image.Image:
    """Return the image as RGB of 8 bits; raises one of UNREADABLE as above.

    Of 16 bits of grey the upper ones stay: Pillow would call everything above 255 white.
    """
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


def upright(image: Image.Image, pixels: Image.Image) -> Image.Image:
    """`pixels`, made of `image`, as the camera was held: a phone only notes how that was.

    The image has been decoded; an orientation that cannot be read counts as none.
    """
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 0))
    except (*UNREADABLE, TypeError, KeyError):
        return pixels
    return pixels if turn is None else pixels.transpose(turn)


def _scans(path: Path) -> int:
    """Passes over a JPEG: their marker stands in nothing else but a preview that comes with it."""
    return path.read_bytes().count(b"\xff\xda")


def _memory(image: Image.Image) -> int:
    """Return bytes that it takes, at most, to try an image whose header alone has been read."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):  # one that comes line by line is made small as it comes
        return pixels * 2 * len(image.getbands()) if "progressive" in image.info else 0
    return pixels * _MEMORY.get(image.format or "", 10 if image.mode.startswith("I") else 4)


def reason(error: BaseException) -> str:
    """Return why an image cannot be read, from one of UNREADABLE, in a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return "far too many pixels"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # without the path
    return str(error).partition("\n")[0] or type(error).__name__
