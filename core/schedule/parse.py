"""The parser: JSON text becomes a schedule here, and nowhere else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from core.errors import InputError, ScheduleError, shown
from core.schedule import spec
from core.schedule.validation import explained, json_path

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
VERSION = 1
WIDTH = 130

_OTHERS = {
    "thaw.record": "this is a record of a loop, not a schedule: compare it on the Compare page, "
    "or make a schedule of the loop with core.as_schedule",
    "thaw.schedule": "this is a schedule, not a record of a loop",
}
"""The way out for a document of another kind, by its format."""


def parse(text: str | bytes) -> spec.Schedule:
    """Return the schedule that a JSON document describes.

    Raises ScheduleError, with up to 100 reasons in `.problems`: over 256 KiB, not UTF-8, not JSON,
    a key twice, NaN or infinity, nested too deeply, another format or version, or a field that is
    missing, unknown, of the wrong type or out of its range.
    """
    return from_raw(load_json(text))


def load_json(text: str | bytes) -> object:
    """What a JSON text holds; raises ScheduleError for what `parse` refuses in any document."""
    return _load(_decode(text))


def from_raw(raw: object) -> spec.Schedule:
    """Return the schedule that parsed JSON describes; raises ScheduleError as `parse` does."""
    refuse_other(raw, "schedule", VERSION)
    try:
        return spec.Schedule.model_validate_json(json.dumps(raw, ensure_ascii=False))
    except ValidationError as error:
        raise ScheduleError(explained(error)) from None


def refuse_other(raw: object, kind: str, version: int) -> None:
    """Raise ScheduleError for JSON that is no Thaw document of that kind and up to that version."""
    if not isinstance(raw, dict):
        raise _refuse("the document", f"is {shown(raw)}, not an object", "start it with {")
    found = raw.get("format")
    if found != f"thaw.{kind}":
        wrong = f"is {shown(found)}" if "format" in raw else "is missing"
        needs = f'a Thaw {kind} has "format": "thaw.{kind}"'
        raise _refuse("format", wrong, _OTHERS.get(str(found), needs))
    has = raw.get("version")
    if type(has) is not int or has < 1:
        wrong = f"is {shown(has)}" if "version" in raw else "is missing"
        raise _refuse("version", wrong, f'a Thaw {kind} has "version": {version}')
    if has > version:
        wrong = f"is {shown(has)}, but this Thaw reads {version}"
        raise _refuse("version", wrong, "update Thaw to open it")
    for path in _halves(raw):
        wrong = "holds half of a character (a lone surrogate)"
        raise _refuse(json_path(path), wrong, "remove the \\ud… in it")


def to_raw(schedule: spec.Schedule) -> dict[str, Any]:
    """The schedule as plain JSON values, defaults written out; a field that is null is left out."""
    return schedule.model_dump(mode="json", exclude_none=True)


def dumps(schedule: spec.Schedule) -> str:
    """The schedule as JSON for people: what fits into 130 columns, a comma aside, is one line."""
    return pretty(to_raw(schedule))


def pretty(raw: dict[str, Any]) -> str:
    """Plain JSON values as text, laid out as `dumps` does."""
    return _pretty("", raw, 0) + "\n"


def _pretty(key: str, value: Any, indent: int) -> str:
    line = key + json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or indent + len(line) <= WIDTH:
        return line
    if isinstance(value, list):
        items = [_pretty("", item, indent + 2) for item in value]
        opening, closing = "[", "]"
    else:
        items = [_pretty(f"{json.dumps(k)}: ", v, indent + 2) for k, v in value.items()]
        opening, closing = "{", "}"
    inner = "\n" + " " * (indent + 2)
    return f"{key}{opening}{inner}" + f",{inner}".join(items) + f"\n{' ' * indent}{closing}"


def _refuse(field: str, wrong: str, way_out: str) -> ScheduleError:
    return ScheduleError([InputError(field, wrong, way_out)])


def _decode(text: str | bytes) -> str:
    size = len(text.encode(errors="replace")) if isinstance(text, str) else len(text)
    if size > MAX_BYTES:
        raise _refuse(
            "the document", f"has {size:,} bytes", f"a schedule has at most {MAX_BYTES:,}"
        )
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refuse(
            "the document", f"is not UTF-8 text (byte {error.start})", "save it as UTF-8 JSON"
        ) from None


def _load(text: str) -> object:
    if not text.strip():
        raise _refuse("the document", "is empty", "save a schedule as JSON on the Design page")
    if "\x00" in text:
        where = _place(text, text.index("\x00"))
        raise _refuse(where, "is a NUL character", "save it as UTF-8, not as UTF-16")
    _refuse_depth(text)

    def no_constant(name: str) -> float:
        raise _refuse(_first(text, name), f"is {name}", "write a finite number")

    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        where = _place(text, error.pos)
        raise _refuse(where, f"is not JSON ({error.msg})", "fix it there") from None
    except ValueError:  # Python reads no integer of over 4,300 digits
        where = _first(text, r"(?<![\d.])\d{4301,}(?![\d.eE])")
        raise _refuse(where, "is a number of thousands of digits", "shorten it") from None


def _refuse_depth(text: str) -> None:
    depth = 0
    for found in _outside_strings(text, r"[\[\]{}]"):
        depth += 1 if found[1] in "[{" else -1
        if depth > MAX_DEPTH:
            where = _place(text, found.start())
            raise _refuse(where, f"is nested over {MAX_DEPTH} levels deep", "a schedule needs 5")


def _first(text: str, pattern: str) -> str:
    """Return the place of the first match that no string holds."""
    return _place(text, next(_outside_strings(text, pattern)).start())


def _outside_strings(text: str, pattern: str) -> Iterator[re.Match[str]]:
    found = re.finditer(rf'"(?:\\.|[^"\\])*+"?|({pattern})', text, re.DOTALL)
    return (each for each in found if each[1])


def _place(text: str, offset: int) -> str:
    """Return an offset as people count, from 1."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def _halves(raw: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where half a character stands, which JSON can say (`\\ud800`) and UTF-8 cannot."""
    if isinstance(raw, str):
        if any("\ud800" <= c <= "\udfff" for c in raw):
            yield path
        return
    inside: Iterable[tuple[str | int, object]] = ()
    if isinstance(raw, dict):
        inside = raw.items()
    elif isinstance(raw, list):
        inside = enumerate(raw)
    for key, value in inside:
        yield from _halves(key, (*path, key))
        yield from _halves(value, (*path, key))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key in counts if counts[key] > 1)
        raise _refuse(json_path((twice,)), "appears twice in one object", "keep one of the two")
    return found
