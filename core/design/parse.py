"""The door: JSON text becomes a schedule here, and nowhere else."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.design import spec
from core.errors import InputError, ScheduleError, nearest, shown

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
VERSION = 1
WIDTH = 88

_Loc = tuple[str | int, ...]

_UNIONS: dict[str, dict[str, type[BaseModel]]] = {
    "optimizer": {"adam": spec.Adam, "adamw": spec.AdamW, "sgd": spec.SGD},
    "decay": {
        "cosine": spec.Cosine,
        "linear": spec.Linear,
        "constant": spec.Constant,
        "wsd": spec.WSD,
        "polynomial": spec.Polynomial,
    },
    "floor": {"factor": spec.FloorFactor, "lr": spec.FloorLR},
}
_MODELS: dict[str, type[BaseModel]] = {
    "model": spec.ModelRef,
    "lr": spec.LearningRate,
    "warmup": spec.Warmup,
    "groups": spec.Group,
}
_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text in quotes",
    "tuple_type": "a list in [ ]",
    "model_type": "an object in { }",
    "model_attributes_type": "an object in { }",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def parse(text: str | bytes) -> spec.Schedule:
    """The schedule that a JSON document describes.

    Raises ScheduleError, with every reason in `.problems`: over 256 KiB, not UTF-8, not JSON, a key
    twice, NaN or infinity, nested too deeply, another format or version, or a field that is
    missing, unknown, of the wrong type or out of its range.
    """
    return from_raw(_load(_decode(text)))


def from_raw(raw: object) -> spec.Schedule:
    """The schedule that parsed JSON describes; raises ScheduleError as `parse` does."""
    if not isinstance(raw, dict):
        raise _refuse("the document", f"is {shown(raw)}, not an object", "start it with {")
    if raw.get("format") != "thaw.schedule":
        wrong = f"is {shown(raw['format'])}" if "format" in raw else "is missing"
        raise _refuse("format", wrong, 'a Thaw schedule has "format": "thaw.schedule"')
    version = raw.get("version")
    if isinstance(version, int) and version > VERSION:
        raise _refuse(
            "version", f"is {version}, but this Thaw reads {VERSION}", "update Thaw to open it"
        )
    try:
        text = json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _refuse(
            "the document", "holds half of a character (a lone surrogate)", "remove the \\ud… in it"
        ) from error
    try:
        return spec.Schedule.model_validate_json(text)
    except ValidationError as error:
        raise ScheduleError([_explain(details) for details in error.errors()]) from None


def to_raw(schedule: spec.Schedule) -> dict[str, Any]:
    """The schedule as plain JSON values, every field written out; `lr_scale: null` is left out."""
    return schedule.model_dump(mode="json", exclude_none=True)


def dumps(schedule: spec.Schedule) -> str:
    """The schedule as JSON text for people: whatever fits into 88 columns stays on one line."""
    return _pretty(to_raw(schedule), 0) + "\n"


def _pretty(value: Any, indent: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(line) + indent <= WIDTH:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, list):
        items = [_pretty(item, indent + 2) for item in value]
        opening, closing = "[", "]"
    else:
        items = [f"{json.dumps(k)}: {_pretty(v, indent + 2)}" for k, v in value.items()]
        opening, closing = "{", "}"
    return f"{opening}\n{inner}" + f",\n{inner}".join(items) + f"\n{' ' * indent}{closing}"


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
    if _depth(text) > MAX_DEPTH:
        raise _refuse("the document", f"is nested over {MAX_DEPTH} deep", "a schedule needs 5")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _refuse(where, f"is not JSON ({error.msg})", "mend it there") from None
    except ValueError:  # Python reads no integer of over 4,300 digits
        raise _refuse(
            "the document", "holds a number of thousands of digits", "shorten it"
        ) from None


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in re.findall(r'"(?:\\.|[^"\\])*"|[\[\]{}]', text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _refuse(twice, "stands twice in one object", "keep one of the two")
    return found


def _no_constant(name: str) -> float:
    raise _refuse("the document", f"holds {name}", "write a finite number")


def _explain(details: ErrorDetails) -> InputError:
    """One of pydantic's errors as field, what is wrong and way out."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    loc = details["loc"]
    field = _path(loc) or "the document"
    if kind == "refused":
        return InputError(field, context["wrong"], context["way_out"])
    if kind == "missing":
        return InputError(field, "is missing", "add it")
    if kind == "extra_forbidden":
        owner = _owner(loc[:-1])
        way_out = nearest(str(loc[-1]), owner.model_fields)
        return InputError(field, "is not a field here", way_out)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(str(loc[-1]), field, value)
    if kind == "literal_error":
        choices = get_args(_owner(loc[:-1]).model_fields[str(loc[-1])].annotation)
        return InputError(field, f"is {shown(value)}", _nearest_literal(value, choices))
    if kind in _TYPES:
        return InputError(field, f"is {shown(value)}", f"write {_TYPES[kind]}")
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return InputError(field, f"is {shown(value)}", f"it must be {words} {context[key]:g}")
    if kind == "string_pattern_mismatch":
        way_out = (
            "use letters, digits, _ and dots, as in layer4.0.bn1"
            if "modules" in loc
            else "use printable characters only"
        )
        return InputError(field, f"is {shown(value)}", way_out)
    return InputError(field, f"is {shown(value)}", details["msg"])


def _wrong_tag(union: str, field: str, value: Any) -> InputError:
    key = "name" if union == "optimizer" else "shape"
    if not isinstance(value, dict):
        return InputError(field, f"is {shown(value)}", "write an object in { }")
    if key not in value:
        return InputError(f"{field}.{key}", "is missing", f"use one of {', '.join(_UNIONS[union])}")
    way_out = _nearest_literal(value[key], tuple(_UNIONS[union]))
    return InputError(f"{field}.{key}", f"is {shown(value[key])}", way_out)


def _nearest_literal(value: Any, choices: tuple[Any, ...]) -> str:
    if all(isinstance(choice, str) for choice in choices):
        return nearest(str(value), choices)
    return f"use {' or '.join(map(str, choices))}"


def _owner(loc: _Loc) -> type[BaseModel]:
    """The part of the document that the location lies in."""
    names = [part for part in loc if isinstance(part, str)]
    if not names:
        return spec.Schedule
    if len(names) > 1 and names[-2] in _UNIONS:
        return _UNIONS[names[-2]][names[-1]]
    return _MODELS[names[-1]]


def _path(loc: _Loc) -> str:
    """`groups[0].trainable[1][0]` from pydantic's location, which also names a union's member."""
    path, before = "", None
    for part in loc:
        if before not in _UNIONS or part not in _UNIONS[str(before)]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
        before = part
    return path
