"""The parser: JSON text becomes a schedule here, and nowhere else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from core.errors import InputError, ScheduleError, quoted
from core.schedule import spec
from core.schedule.validation import input_errors, json_path

MAX_DOCUMENT_BYTES = 256 * 1024
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
    """Return the value of a JSON text.

    Raises ScheduleError for text that is over 256 KiB, not UTF-8, not JSON or nested too deeply,
    has a key twice, or has NaN or infinity.
    """
    return _load(_decode(text))


def from_raw(raw: object) -> spec.Schedule:
    """Return the schedule that parsed JSON describes; ScheduleError has up to 100 reasons."""
    refuse_other_format(raw, "schedule", VERSION)
    try:
        return spec.Schedule.model_validate_json(json.dumps(raw, ensure_ascii=False))
    except ValidationError as error:
        raise ScheduleError(input_errors(error)) from None


def refuse_other_format(raw: object, kind: str, version: int) -> None:
    """Raise ScheduleError unless JSON is a Thaw document of that kind, of at most that version."""
    if not isinstance(raw, dict):
        raise _refuse("the document", f"is {quoted(raw)}, not an object", "start it with {")
    named = raw.get("format")
    if named != f"thaw.{kind}":
        wrong = f"is {quoted(named)}" if "format" in raw else "is missing"
        needs = f'a Thaw {kind} has "format": "thaw.{kind}"'
        raise _refuse("format", wrong, _OTHERS.get(str(named), needs))
    number = raw.get("version")
    if type(number) is not int or number < 1:
        wrong = f"is {quoted(number)}" if "version" in raw else "is missing"
        raise _refuse("version", wrong, f'a Thaw {kind} has "version": {version}')
    if number > version:
        wrong = f"is {quoted(number)}, but this Thaw reads {version}"
        raise _refuse("version", wrong, "update Thaw to open it")
    for path in _lone_surrogates(raw):
        wrong = "holds half of a character (a lone surrogate)"
        raise _refuse(json_path(path), wrong, "remove the \\ud… in it")


def to_raw(schedule: spec.Schedule) -> dict[str, Any]:
    """Return the schedule as plain JSON values, with defaults and without fields that are null."""
    return schedule.model_dump(mode="json", exclude_none=True)


def dumps(schedule: spec.Schedule) -> str:
    """Return the schedule as JSON for people: what fits into 130 columns is on one line."""
    return pretty(to_raw(schedule))


def pretty(raw: dict[str, Any]) -> str:
    """Return plain JSON values as text: what fits into 130 columns is on one line."""
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
    if size > MAX_DOCUMENT_BYTES:
        raise _refuse(
            "the document", f"has {size:,} bytes", f"a schedule has at most {MAX_DOCUMENT_BYTES:,}"
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
    for bracket in _outside_strings(text, r"[\[\]{}]"):
        depth += 1 if bracket[1] in "[{" else -1
        if depth > MAX_DEPTH:
            where = _place(text, bracket.start())
            raise _refuse(where, f"is nested over {MAX_DEPTH} levels deep", "a schedule needs 5")


def _first(text: str, pattern: str) -> str:
    """Return the place of the first match outside of strings."""
    return _place(text, next(_outside_strings(text, pattern)).start())


def _outside_strings(text: str, pattern: str) -> Iterator[re.Match[str]]:
    matches = re.finditer(rf'"(?:\\.|[^"\\])*+"?|({pattern})', text, re.DOTALL)
    return (match for match in matches if match[1])


def _place(text: str, offset: int) -> str:
    """Return an offset as line and column, both from 1."""
    line = text.count("\n", 0, offset) + 1
    return f"line {line}, column {offset - text.rfind(chr(10), 0, offset)}"


def _lone_surrogates(
    raw: object, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each text with half a character, which UTF-8 cannot hold: `\\ud800`."""
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
        yield from _lone_surrogates(key, (*path, key))
        yield from _lone_surrogates(value, (*path, key))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key in counts if counts[key] > 1)
        raise _refuse(json_path((twice,)), "appears twice in one object", "keep one of the two")
    return unique
