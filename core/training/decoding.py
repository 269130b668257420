"""Image files as tensors: one of them, or all of them before a run, on every core."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.data.image_files import UNREADABLE, as_rgb, open_image, upright, why_unreadable
from core.data.image_folder import ImageFiles
from core.runs import cpu
from core.runs.events import Progress

_SHOW_EVERY = 50


def decode(path: Path, size: int) -> Tensor:
    """Return an image file as uint8 (3, size, size): RGB, upright, bilinear, antialiased.

    Raises one of UNREADABLE.
    """
    with open_image(path) as image:
        rgb = as_rgb(image).resize((size, size), Image.Resampling.BILINEAR)
        rgb = upright(image, rgb)
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)


def decode_all(splits: Sequence[ImageFiles], images: Tensor, bad: list[str]) -> Iterator[Progress]:
    """Decode the files of all splits into `images`; names of those that fail go into `bad`."""
    places = [(files, at) for files in splits for at in range(len(files))]

    def decode_to(row: int) -> str:
        files, at = places[row]
        try:
            images[row] = decode(files.path(at), images.shape[-1])
        except UNREADABLE as error:
            return f"{files.path(at)} ({why_unreadable(error)})"
        return ""

    pool = ThreadPoolExecutor(cpu.cores())
    try:
        with warnings.catch_warnings():  # once for all threads, which share the filters
            warnings.simplefilter("ignore")
            for done, failure in enumerate(pool.map(decode_to, range(len(places)))):
                if done % _SHOW_EVERY == 0:
                    yield Progress("loading", done, len(places))
                if failure:
                    bad.append(failure)
    finally:
        pool.shutdown(cancel_futures=True)
