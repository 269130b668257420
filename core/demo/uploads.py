"""Uploads of the hosted demo: one is unpacked at a time, and only where there is room for it."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.data import uploads
from core.data.uploads import Unpacking, Upload
from core.demo.limits import LIMITS
from core.errors import InputError
from core.files import usage
from core.files.home import alone_if_free_in

_LOCK = "one-upload.lock"
_ASKS_EVERY = 0.1  # seconds
_PATIENCE = 120.0
"""Seconds that a visitor waits for the uploads of others."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another upload is being unpacked."""


def unpack(
    file: BinaryIO,
    name: str,
    session: str,
    patience: float = _PATIENCE,
    room: int = LIMITS.uploads,
) -> Generator[Waiting | Unpacking | Upload, None, None]:
    """As `uploads.unpack`, into a folder called `session`, once no other upload is unpacked.

    A session is called `VISITOR-…`, see `demo.visitor`. Raises what `uploads.unpack` raises, and
    InputError if it is not its turn within `patience` seconds, if the uploads of all fill the
    `room` in bytes that they may, or if those of the visitor fill their share of it.
    """
    data = uploads.folder()
    ends = time.monotonic() + patience
    while True:
        with alone_if_free_in(data, _LOCK) as mine:
            if mine:
                _refuse_beyond(room, data)
                own = [each for each in data.iterdir() if _visitor(each.name) == _visitor(session)]
                if own:
                    _refuse_beyond(room * LIMITS.share, *own)
                yield from uploads.unpack(file, name, data / session, uploads.limits())
                return
        if time.monotonic() > ends:
            wrong = "has to wait, since other uploads are being unpacked"
            raise InputError("upload", wrong, "try again in a few minutes")
        yield Waiting()
        time.sleep(_ASKS_EVERY)


def _refuse_beyond(room: float, *folders: Path) -> None:
    """InputError unless the largest upload has room; nobody else may be unpacking one."""
    if sum(map(usage.disk_use, folders)) + uploads.limits().unpacked > room:
        way_out = "try again within the hour, or use the bundled images"
        raise InputError("upload", "does not fit into the hosted demo now", way_out)


def _visitor(session: str) -> str:
    return session.partition("-")[0]
