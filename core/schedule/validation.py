"""What pydantic finds wrong with a document, told as field, what is wrong and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InputError, nearest, shown
from core.schedule import optimizers, shapes, spec
from core.schedule.document import members

MAX_PROBLEMS = 100

Location = tuple[str | int, ...]

_WORDS = {
    "missing": ("is missing", "add it"),
    "int_type": ("is {value}", "write a whole number"),
    "float_type": ("is {value}", "write a number"),
    "finite_number": ("is {value}", "write a finite number"),
    "string_type": ("is {value}", "write text in quotes"),
    "tuple_type": ("is {value}", "write a list in [ ]"),
    "dict_type": ("is {value}", "write an object in {{ }}"),
    "model_type": ("is {value}", "write an object in {{ }}"),
    "greater_than_equal": ("is {value}", "it must be at least {ge}"),
    "less_than": ("is {value}", "it must be less than {lt}"),
    "less_than_equal": ("is {value}", "it must be at most {le}"),
    "string_too_short": ("is empty", "write at least one character"),
    "string_too_long": ("has {length} characters", "shorten it to at most {max_length}"),
    "string_unicode": ("is {value}, which is not UTF-8", "rename it"),
    "too_short": ("is empty", "add at least one"),
    "too_long": ("has {length} items", "it may have at most {max_length}"),
    "json_invalid": ("is not JSON ({error})", "fix it there"),
}
"""What is wrong and the way out, by the kind of pydantic's error."""

_LIMITS = ("ge", "lt", "le")

_PATTERNS = {
    "modules": "use letters, digits, _, - and dots, as in layer4.0.bn1",
    "model.name": "use letters, digits, _ . - and /, as in torchvision/resnet18",
}
_LISTS = {
    "trainable": (1, "write [start, end], null for to the end"),
    "curves": (2, "write [steps, first rate, last rate]"),
}
"""How deep in the field of that name the lists of a fixed length lie, and what they hold."""
_PRINTABLE = "leave out the control characters"


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What a kind of document is made of: its class, and its parts' classes by their fields.

    `unions` has the members of every part that is one of several, by their tags.
    """

    root: type[BaseModel]
    parts: Mapping[str, type[BaseModel]]
    unions: Mapping[str, Mapping[str, type[BaseModel]]]


UNIONS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "optimizer": optimizers.OPTIMIZERS,
    "decay": shapes.DECAYS,
    "floor": members(shapes.Floor),
}
SCHEDULE = Anatomy(
    spec.Schedule,
    {
        "model": spec.ModelRef,
        "lr": spec.LearningRate,
        "warmup": shapes.Warmup,
        "groups": spec.Group,
    },
    UNIONS,
)


def explained(error: ValidationError, anatomy: Anatomy = SCHEDULE) -> list[InputError]:
    """All of pydantic's errors, unknown fields first: they say why another one is missing."""
    found = error.errors(include_url=False)
    found = [details for details in found if details["type"] != "too_short" or not details["input"]]
    found.sort(key=lambda details: details["type"] != "extra_forbidden")
    told = [_explain(details, anatomy) for details in found[:MAX_PROBLEMS]]
    return list({str(each): each for each in told}.values())


def _explain(details: ErrorDetails, anatomy: Anatomy) -> InputError:
    """One of pydantic's errors as field, what is wrong and way out."""
    kind, loc, value = details["type"], details["loc"], details["input"]
    field, context = json_path(loc, anatomy.unions), details.get("ctx", {})
    if kind == "refused":
        return InputError(context["field"] or field, context["wrong"], context["way_out"])
    if kind == "extra_forbidden":
        return _unknown_field(field, loc, anatomy)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(anatomy.unions[str(loc[-1])], field, value)
    if kind == "literal_error":
        annotation = _owner(loc[:-1], anatomy).model_fields[str(loc[-1])].annotation
        return InputError(field, f"is {shown(value)}", _one_of(value, _literals(annotation)))
    if kind == "string_pattern_mismatch":
        key = "modules" if "modules" in loc else field
        return InputError(field, f"is {shown(value)}", _PATTERNS.get(key, _PRINTABLE))
    for name, (depth, way_out) in _LISTS.items():
        if kind in ("missing", "too_long") and name in loc and len(loc) > loc.index(name) + depth:
            item = json_path(loc[: loc.index(name) + depth + 1], anatomy.unions)
            return InputError(item, f"is {shown(value)}", way_out)
    wrong, way_out = _WORDS.get(kind, ("is {value}", "{message}"))
    words = {"value": shown(value), "message": details["msg"], **context}
    words |= {key: _limit(words[key]) for key in _LIMITS if key in words}
    if isinstance(value, str | list):
        words["length"] = f"{len(value):,}"
    return InputError(field, wrong.format(**words), way_out.format(**words))


def _limit(limit: float) -> str:
    """Return a limit as one would type it: `10000000`, `0.001`, `1e-6`."""
    return str(limit) if isinstance(limit, int) else f"{limit:.15g}".replace("e-0", "e-")


def _unknown_field(field: str, loc: Location, anatomy: Anatomy) -> InputError:
    name, owner = str(loc[-1]), _owner(loc[:-1], anatomy)
    union, kind = (loc[-3], str(loc[-2])) if len(loc) > 2 else (None, "")
    union_members = anatomy.unions.get(str(union), {})
    others = [tag for tag, member in union_members.items() if name in member.model_fields]
    if not others:
        return InputError(field, "is not a field here", nearest(name, owner.model_fields))
    if union == "floor":
        return InputError(field, f"cannot be combined with {kind}", "keep one of the two")
    return InputError(
        field, f"is not a field of {kind}", f"remove it, or use {' or '.join(others)}"
    )


def _wrong_tag(
    union: Mapping[str, type[BaseModel]], field: str, value: dict[str, Any]
) -> InputError:
    key = next(iter(next(iter(union.values())).model_fields))
    wrong = f"is {shown(value[key])}" if key in value else "is missing"
    return InputError(f"{field}.{key}", wrong, _one_of(value.get(key), union))


def _literals(annotation: Any) -> list[str]:
    """Return the names in a Literal, also in one that may be null."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [name for part in get_args(annotation) for name in _literals(part)]


def _one_of(value: Any, choices: Iterable[str]) -> str:
    return nearest(value if isinstance(value, str) else "", choices)


def _owner(loc: Location, anatomy: Anatomy) -> type[BaseModel]:
    """Return the part of the document that the location lies in."""
    names = [part for part in loc if isinstance(part, str)]
    if not names:
        return anatomy.root
    if len(names) > 1 and names[-2] in anatomy.unions:
        return anatomy.unions[names[-2]][names[-1]]
    return anatomy.parts[names[-1]]


def json_path(loc: Location, unions: Mapping[str, Mapping[str, type[BaseModel]]] = UNIONS) -> str:
    """`groups[0].trainable[1][0]` from pydantic's location, which also names a union's member."""
    path, before = "", None
    for part in loc:
        if before not in unions or part not in unions[str(before)]:
            plain = isinstance(part, str) and re.fullmatch(r"\w{1,40}", part)
            path += f".{part}" if plain else f"[{shown(part)}]"
        before = part
    return path.removeprefix(".")
