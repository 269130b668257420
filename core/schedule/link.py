"""Share links: a whole schedule as a short text that fits into a URL.

The text is base64url of zlib of compact JSON without default values. zlib is primed with the words
of a typical schedule (`link.dictionary`), which makes links three times shorter; like the defaults
of version 1, that file may never change, or links in the wild would break.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from importlib.resources import files

from core.errors import LinkError, ScheduleError, quoted
from core.schedule.parse import MAX_DOCUMENT_BYTES, parse
from core.schedule.spec import Schedule

MAX_CHARACTERS = 16_000
PARAMETER = "s"
_DICTIONARY = (files("core.schedule") / "link.dictionary").read_bytes()
_FIELD = "the link"
_COPY_AGAIN = "copy the whole link again from the page that shows it"


def encode(schedule: Schedule) -> str:
    """Return the schedule as text for `?s=`; LinkError if that has over 16,000 characters."""
    raw = schedule.model_dump(mode="json", exclude_defaults=True)
    document = json.dumps(raw, separators=(",", ":"), ensure_ascii=False).encode()
    stream = zlib.compressobj(level=9, zdict=_DICTIONARY)
    packed = stream.compress(document) + stream.flush()
    text = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    if len(text) > MAX_CHARACTERS:
        wrong = f"would have {len(text):,} characters, more than browsers carry"
        raise LinkError(_FIELD, wrong, "share the schedule as a JSON file")
    return text


def decode(text: str) -> Schedule:
    """Return the schedule of a link's `?s=` text.

    Raises LinkError for text that is not such a link, unpacks to over 256 KiB, or holds no
    schedule; in the last case the message is that of `parse`.
    """
    text = text.strip().rstrip("=")
    if len(text) > MAX_CHARACTERS:
        raise LinkError(
            _FIELD, f"has {len(text):,} characters", f"a link has at most {MAX_CHARACTERS:,}"
        )
    if not text:
        raise LinkError(_FIELD, "is empty", _COPY_AGAIN)
    if strange := re.search(r"[^A-Za-z0-9_-]", text):
        at = strange.start() + 1
        wrong = f"has {quoted(strange[0])} as character {at}, which a link cannot contain"
        raise LinkError(_FIELD, wrong, _COPY_AGAIN)
    if len(text) % 4 == 1:  # no whole number of bytes
        raise LinkError(_FIELD, "is truncated", _COPY_AGAIN)
    document = _inflate(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    try:
        return parse(document)
    except ScheduleError as error:
        first = error.problems[0]
        raise LinkError(f"{_FIELD}: {first.field}", first.wrong, first.way_out) from None


def _inflate(packed: bytes) -> bytes:
    stream = zlib.decompressobj(zdict=_DICTIONARY)
    try:
        document = stream.decompress(packed, MAX_DOCUMENT_BYTES + 1)
    except zlib.error:
        raise LinkError(_FIELD, "is damaged", _COPY_AGAIN) from None
    if len(document) > MAX_DOCUMENT_BYTES:
        raise LinkError(
            _FIELD, f"unpacks to over {MAX_DOCUMENT_BYTES:,} bytes", "share a JSON file instead"
        )
    if not stream.eof:
        raise LinkError(_FIELD, "is truncated", _COPY_AGAIN)
    if stream.unused_data:
        raise LinkError(_FIELD, "has something after its end", _COPY_AGAIN)
    return document
