"""The summary of the data and its thumbnails, computed once while its files stay the same."""

from __future__ import annotations

import base64
import io
from pathlib import Path, PurePosixPath

import streamlit as st
from PIL import Image

from core.data.bundled import BUNDLED_DATA, SplitName, read_bundled
from core.data.image_files import UNREADABLE, as_rgb, open_image, upright
from core.data.image_folder import count_classes
from core.data.summary import DataSummary, fingerprint, summarize_data
from core.errors import DataError
from core.runs.settings import RunSettings
from pages.components.shared.setting_names import by_label

_SIDE = 128
"""Pixels of a thumbnail's longer side: twice what it is shown at, for dense screens."""
_LOSSLESS = 64
_REFUSED_FOR = 10.0
"""Seconds for which data that was refused is not looked at again."""
_LARGE = 4_000_000
"""Pixels above which an image is made smaller before anything else is done with it."""


def seen(data: str) -> DataSummary | str:
    """Return a summary of the run settings' `data`, or why a run would refuse it."""
    changed = fingerprint(data)
    return _refusal(data, changed) or _seen(data, changed)


def train_images(settings: RunSettings) -> int | None:
    """Return the number of a run's training images; None if the data cannot be read."""
    found = seen(settings.data)
    return None if isinstance(found, str) else min(settings.samples, found.train)


def known_classes(data: str) -> int | None:
    """Return the number of classes that a run of the data has; None if that is not known."""
    found = seen(data)
    return count_classes(data) if isinstance(found, str) else len(found.classes)


def thumbnail(data: str, split: SplitName, name: str) -> str | None:
    """Return a small picture as a `data:` address, as a run calls it; None if it is not there.

    A path that leads out of the data's folder is not there.
    """
    if data == BUNDLED_DATA:
        images = read_bundled().split(split).images
        known = name.isdecimal() and int(name) < len(images)
        return _encoded(Image.fromarray(images[int(name)])) if known else None
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts:
        return None
    try:
        path = Path(data).expanduser() / inside
        return _of_file(str(path), path.stat().st_mtime_ns)
    except (OSError, ValueError, RuntimeError):
        return None


@st.cache_data(show_spinner=False, max_entries=64, ttl=_REFUSED_FOR)
def _refusal(data: str, changed: tuple[int, ...]) -> str | None:
    """Return why the data is refused; kept for seconds, as a file may be mended in place."""
    try:
        _seen(data, changed)
    except DataError as error:
        return by_label(error)
    return None


@st.cache_data(show_spinner="Reading the images …", max_entries=64)
def _seen(data: str, changed: tuple[int, ...]) -> DataSummary:
    return summarize_data(data)


@st.cache_data(show_spinner=False, max_entries=2_000)
def _of_file(path: str, changed: int) -> str | None:
    try:
        with open_image(Path(path)) as image:
            image.draft("RGB", (_SIDE, _SIDE))
            if image.width * image.height > _LARGE and not image.mode.startswith("I"):
                image.thumbnail((4 * _SIDE, 4 * _SIDE))
            small = as_rgb(image)  # first, since 16 bits of grey cannot be made smaller
            small.thumbnail((_SIDE, _SIDE))
            return _encoded(upright(image, small))
    except UNREADABLE:
        return None


def _encoded(image: Image.Image) -> str:
    kind = "PNG" if max(image.size) <= _LOSSLESS else "JPEG"
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=80)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
