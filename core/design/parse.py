"""The door: JSON text becomes a schedule here, and nowhere else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.design import spec
from core.errors import InputError, ScheduleError, nearest, shown

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_PROBLEMS = 100
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
_WORDS = {
    "missing": ("is missing", "add it"),
    "int_type": ("is {value}", "write a whole number"),
    "float_type": ("is {value}", "write a number"),
    "finite_number": ("is {value}", "write a finite number"),
    "string_type": ("is {value}", "write a text in quotes"),
    "tuple_type": ("is {value}", "write a list in [ ]"),
    "dict_type": ("is {value}", "write an object in {{ }}"),
    "model_type": ("is {value}", "write an object in {{ }}"),
    "greater_than_equal": ("is {value}", "it must be at least {ge:g}"),
    "less_than": ("is {value}", "it must be less than {lt:g}"),
    "less_than_equal": ("is {value}", "it must be at most {le:g}"),
    "string_too_short": ("is empty", "write at least one character"),
    "string_too_long": ("has {length} characters", "shorten it to at most {max_length}"),
    "too_short": ("is empty", "add at least one"),
    "too_long": ("has {length} items", "it may have at most {max_length}"),
}
"""What is wrong and the way out, by the kind of pydantic's error."""

_PATTERNS = {
    "modules": "use letters, digits, _ and dots, as in layer4.0.bn1",
    "model.name": "use letters, digits, _ . - and /, as in torchvision/resnet18",
}
_PRINTABLE = "leave out the control characters"


def parse(text: str | bytes) -> spec.Schedule:
    """The schedule that a JSON document describes.

    Raises ScheduleError, with up to 100 reasons in `.problems`: over 256 KiB, not UTF-8, not JSON,
    a key twice, NaN or infinity, nested too deeply, another format or version, or a field that is
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
    if type(version) is not int or version < 1:
        wrong = f"is {shown(version)}" if "version" in raw else "is missing"
        raise _refuse("version", wrong, f'a Thaw schedule has "version": {VERSION}')
    if version > VERSION:
        wrong = f"is {shown(version)}, but this Thaw reads {VERSION}"
        raise _refuse("version", wrong, "update Thaw to open it")
    try:
        text = json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _refuse(
            "the document", "holds half of a character (a lone surrogate)", "remove the \\ud… in it"
        ) from error
    try:
        return spec.Schedule.model_validate_json(text)
    except ValidationError as error:
        raise ScheduleError(_explained(error)) from None


def to_raw(schedule: spec.Schedule) -> dict[str, Any]:
    """The schedule as plain JSON values, defaults written out; a field that is null is left out."""
    return schedule.model_dump(mode="json", exclude_none=True)


def dumps(schedule: spec.Schedule) -> str:
    """The schedule as JSON for people: what fits into 88 columns, a comma aside, is one line."""
    return _pretty("", to_raw(schedule), 0) + "\n"


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
        raise _refuse("the document", "holds NUL characters", "save it as UTF-8, not as UTF-16")
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
    for bracket in re.findall(r'"(?:\\.|[^"\\])*+"?|[\[\]{}]', text, re.DOTALL):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket, 0)
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key in counts if counts[key] > 1)
        raise _refuse(_path((twice,)), "stands twice in one object", "keep one of the two")
    return found


def _no_constant(name: str) -> float:
    raise _refuse("the document", f"holds {name}", "write a finite number")


def _explained(error: ValidationError) -> list[InputError]:
    """All of pydantic's errors, unknown fields first: they say why another one is missing."""
    found = error.errors(include_url=False)
    found = [details for details in found if details["type"] != "too_short" or not details["input"]]
    found.sort(key=lambda details: details["type"] != "extra_forbidden")
    return list({str(told): told for told in map(_explain, found[:MAX_PROBLEMS])}.values())


def _explain(details: ErrorDetails) -> InputError:
    """One of pydantic's errors as field, what is wrong and way out."""
    kind, loc, value = details["type"], details["loc"], details["input"]
    field, context = _path(loc), details.get("ctx", {})
    if kind == "refused":
        return InputError(context["field"] or field, context["wrong"], context["way_out"])
    if kind == "extra_forbidden":
        return _unknown_field(field, loc)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(str(loc[-1]), field, value)
    if kind == "literal_error":
        choices = get_args(_owner(loc[:-1]).model_fields[str(loc[-1])].annotation)
        return InputError(field, f"is {shown(value)}", _one_of(value, choices))
    if kind == "string_pattern_mismatch":
        key = "modules" if "modules" in loc else field
        return InputError(field, f"is {shown(value)}", _PATTERNS.get(key, _PRINTABLE))
    if kind in ("missing", "too_long") and "trainable" in loc:
        window = _path(loc[: loc.index("trainable") + 2])
        return InputError(window, f"is {shown(value)}", "write [start, end], null for to the end")
    wrong, way_out = _WORDS.get(kind, ("is {value}", "{message}"))
    words = {"value": shown(value), "message": details["msg"], **context}
    if isinstance(value, str | list):
        words["length"] = f"{len(value):,}"
    return InputError(field, wrong.format(**words), way_out.format(**words))


def _unknown_field(field: str, loc: _Loc) -> InputError:
    name, owner = str(loc[-1]), _owner(loc[:-1])
    union, kind = (loc[-3], str(loc[-2])) if len(loc) > 2 else (None, "")
    members = _UNIONS.get(str(union), {})
    others = [tag for tag, member in members.items() if name in member.model_fields]
    if not others:
        return InputError(field, "is not a field here", nearest(name, owner.model_fields))
    if union == "floor":
        return InputError(field, f"stands beside {kind}", "keep one of the two")
    return InputError(field, f"is no field of {kind}", f"remove it, or use {' or '.join(others)}")


def _wrong_tag(union: str, field: str, value: dict[str, Any]) -> InputError:
    key = "name" if union == "optimizer" else "shape"
    wrong = f"is {shown(value[key])}" if key in value else "is missing"
    return InputError(f"{field}.{key}", wrong, _one_of(value.get(key), _UNIONS[union]))


def _one_of(value: Any, choices: Iterable[str]) -> str:
    return nearest(value if isinstance(value, str) else "", choices)


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
            plain = isinstance(part, str) and re.fullmatch(r"\w{1,40}", part)
            path += f".{part}" if plain else f"[{shown(part)}]"
        before = part
    return path.removeprefix(".")
