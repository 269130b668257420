"""Uploads of the hosted demo: one is unpacked at a time, and only if there is room for it."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.data import uploads
from core.data.uploads import UnpackProgress, Upload
from core.demo.limits import LIMITS
from core.errors import InputError
from core.files import usage
from core.files.home import try_locked

_LOCK = "one-upload.lock"
_ASKS_EVERY = 0.1  # seconds
_PATIENCE = 120.0
"""Seconds that a visitor waits for the uploads of others."""


@dataclass(frozen=True, slots=True)
class WaitingForTurn:
    """Another upload is being unpacked now."""


def unpack_in_turn(
    file: BinaryIO, name: str, session: str
) -> Generator[WaitingForTurn | UnpackProgress | Upload, None, None]:
    """Unpack a zip by `uploads.unpack` into the folder `session`, when no other upload is unpacked.

    The name of a session is `VISITOR-…`, see `limits.visitor_name`. Raises DataError, naming the
    zip, for one that `uploads.unpack` refuses, and InputError if it is not its turn within two
    minutes, if all uploads fill `LIMITS.uploads`, or those of the visitor their share of it.
    """
    data = uploads.folder()
    ends = time.monotonic() + _PATIENCE
    while True:
        with try_locked(data, _LOCK) as is_turn:
            if is_turn:
                _refuse_beyond(LIMITS.uploads, data)
                of_visitor = [f for f in data.iterdir() if _visitor(f.name) == _visitor(session)]
                if of_visitor:
                    _refuse_beyond(LIMITS.uploads * LIMITS.share, *of_visitor)
                yield from uploads.unpack(file, name, data / session, uploads.limits())
                return
        if time.monotonic() > ends:
            wrong = "has to wait, since other uploads are being unpacked"
            raise InputError("upload", wrong, "try again in a few minutes")
        yield WaitingForTurn()
        time.sleep(_ASKS_EVERY)


def _refuse_beyond(room: float, *folders: Path) -> None:
    """Raise InputError unless there is room for the largest upload."""
    if sum(map(usage.disk_use, folders)) + uploads.limits().unpacked > room:
        way_out = "try again within the hour, or use the bundled images"
        raise InputError("upload", "does not fit into the hosted demo now", way_out)


def _visitor(session: str) -> str:
    return session.partition("-")[0]
