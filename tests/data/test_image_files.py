"""Images of strangers: how they are turned."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from core.data.image_files import as_rgb, open_image, upright

ORIENTATION = 0x0112


def corners() -> Image.Image:
    """A picture wider than high, whose corners differ."""
    pixels = np.zeros((40, 64, 3), np.uint8)
    pixels[:20, :32], pixels[:20, 32:], pixels[20:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_stands_upright_as_pillow_turns_it(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    corners().save(tmp_path / "x", kind, exif=exif)
    with Image.open(tmp_path / "x") as image:
        turned = np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=int)
    with open_image(tmp_path / "x") as image:
        ours = np.asarray(upright(image, image.convert("RGB")), dtype=int)
    assert ours.shape == turned.shape
    assert np.abs(ours - turned).max() <= 30  # decoded anew


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"no EXIF"])
def test_what_is_no_orientation_turns_nothing(tmp_path: Path, exif: bytes) -> None:
    corners().save(tmp_path / "x", "JPEG", exif=exif)
    with open_image(tmp_path / "x") as image:
        assert upright(image, image.convert("RGB")).size == (64, 40)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_of_grey_keep_their_shades(tmp_path: Path, kind: str) -> None:
    shades = np.linspace(0, 65_535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(shades).save(tmp_path / "x", kind)
    with open_image(tmp_path / "x") as image:
        seen = np.asarray(as_rgb(image))
    assert (seen == (shades >> 8)[..., np.newaxis]).all()


@pytest.mark.parametrize("mode", ["I", "F"])
def test_grey_of_32_bits_is_refused_since_nothing_says_what_is_white(
    tmp_path: Path, mode: str
) -> None:
    Image.new(mode, (8, 8), 70_000).save(tmp_path / "x", "TIFF")
    with pytest.raises(ValueError, match="32-bit grey: save it with 8 or 16 bits"):
        open_image(tmp_path / "x")


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes")
def test_a_pipe_is_no_image_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    with pytest.raises(ValueError, match="not a regular file"):
        open_image(tmp_path / "x.png")
