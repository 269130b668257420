"""Errors of pydantic as errors of Thaw: field, what is wrong, way out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.errors import InputError, nearest, quoted
from core.schedule import optimizers, shapes, spec
from core.schedule.document import members

MAX_PROBLEMS = 100

ErrorLocation = tuple[str | int, ...]

_WORDS = {
    "missing": ("is missing", "add it"),
    "int_type": ("is {value}", "write a whole number"),
    "float_type": ("is {value}", "write a number"),
    "finite_number": ("is {value}", "write a finite number"),
    "string_type": ("is {value}", "write text in quotes"),
    "tuple_type": ("is {value}", "write a list in [ ]"),
    "dict_type": ("is {value}", "write an object in {{ }}"),
    "model_type": ("is {value}", "write an object in {{ }}"),
    "greater_than": ("is {value}", "it must be greater than {gt}"),
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
"""What is wrong and the way out, by pydantic's type of error."""

_LIMITS = ("gt", "ge", "lt", "le")

_PATTERNS = {
    "modules": "use letters, digits, _, - and dots, as in layer4.0.bn1",
    "model.name": "use letters, digits, _ . - and /, as in torchvision/resnet18",
}
_FIXED_LISTS = {
    "trainable": (1, "write [start, end], null for to the end"),
    "curves": (2, "write [steps, first rate, last rate]"),
}
"""Fields that hold lists of a fixed length: how deep those lie in it, and the way out."""
_PRINTABLE = "leave out the control characters"


@dataclass(frozen=True, slots=True)
class DocumentClasses:
    """The classes that a kind of document is made of: its own, and those of its parts by field.

    `unions` has the possible classes of a part by their tags, where there are several.
    """

    root: type[BaseModel]
    parts: Mapping[str, type[BaseModel]]
    unions: Mapping[str, Mapping[str, type[BaseModel]]]


UNIONS: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "optimizer": optimizers.OPTIMIZERS,
    "decay": shapes.DECAYS,
    "floor": members(shapes.Floor),
}
SCHEDULE = DocumentClasses(
    spec.Schedule,
    {
        "model": spec.ModelRef,
        "lr": spec.LearningRate,
        "warmup": shapes.Warmup,
        "groups": spec.Group,
    },
    UNIONS,
)


def input_errors(error: ValidationError, classes: DocumentClasses = SCHEDULE) -> list[InputError]:
    """Return pydantic's errors as InputErrors, at most 100.

    Unknown fields come first: one may be the reason why another is missing.
    """
    every = error.errors(include_url=False)
    every = [details for details in every if details["type"] != "too_short" or not details["input"]]
    every.sort(key=lambda details: details["type"] != "extra_forbidden")
    errors = [_explain(details, classes) for details in every[:MAX_PROBLEMS]]
    return list({str(each): each for each in errors}.values())


def _explain(details: ErrorDetails, classes: DocumentClasses) -> InputError:
    """Return one of pydantic's errors as an InputError."""
    kind, loc, value = details["type"], details["loc"], details["input"]
    field, context = json_path(loc, classes.unions), details.get("ctx", {})
    if kind == "refused":
        return InputError(context["field"] or field, context["wrong"], context["way_out"])
    if kind == "extra_forbidden":
        return _unknown_field(field, loc, classes)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(classes.unions[str(loc[-1])], field, value)
    if kind == "literal_error":
        annotation = _owner(loc[:-1], classes).model_fields[str(loc[-1])].annotation
        return InputError(field, f"is {quoted(value)}", _one_of(value, _literals(annotation)))
    if kind == "string_pattern_mismatch":
        key = "modules" if "modules" in loc else field
        return InputError(field, f"is {quoted(value)}", _PATTERNS.get(key, _PRINTABLE))
    for name, (depth, way_out) in _FIXED_LISTS.items():
        if kind in ("missing", "too_long") and name in loc and len(loc) > loc.index(name) + depth:
            item = json_path(loc[: loc.index(name) + depth + 1], classes.unions)
            return InputError(item, f"is {quoted(value)}", way_out)
    wrong, way_out = _WORDS.get(kind, ("is {value}", "{message}"))
    words = {"value": quoted(value), "message": details["msg"], **context}
    words |= {key: _limit(words[key]) for key in _LIMITS if key in words}
    if isinstance(value, str | list):
        words["length"] = f"{len(value):,}"
    return InputError(field, wrong.format(**words), way_out.format(**words))


def _limit(limit: float) -> str:
    """Return a limit as one would type it: `10000000`, `0.001`, `1e-6`."""
    return str(limit) if isinstance(limit, int) else f"{limit:.15g}".replace("e-0", "e-")


def _unknown_field(field: str, loc: ErrorLocation, classes: DocumentClasses) -> InputError:
    name, owner = str(loc[-1]), _owner(loc[:-1], classes)
    union, kind = (loc[-3], str(loc[-2])) if len(loc) > 2 else (None, "")
    union_members = classes.unions.get(str(union), {})
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
    wrong = f"is {quoted(value[key])}" if key in value else "is missing"
    return InputError(f"{field}.{key}", wrong, _one_of(value.get(key), union))


def _literals(annotation: Any) -> list[str]:
    """Return the values of a Literal, also of an optional one."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [name for part in get_args(annotation) for name in _literals(part)]


def _one_of(value: Any, choices: Iterable[str]) -> str:
    return nearest(value if isinstance(value, str) else "", choices)


def _owner(loc: ErrorLocation, classes: DocumentClasses) -> type[BaseModel]:
    """Return the class of the part that the location lies in."""
    names = [part for part in loc if isinstance(part, str)]
    if not names:
        return classes.root
    if len(names) > 1 and names[-2] in classes.unions:
        return classes.unions[names[-2]][names[-1]]
    return classes.parts[names[-1]]


def json_path(
    loc: ErrorLocation, unions: Mapping[str, Mapping[str, type[BaseModel]]] = UNIONS
) -> str:
    """Return pydantic's location as a JSON path, as in `groups[0].trainable[1][0]`.

    A location also names the members of unions, which a path does not.
    """
    path, before = "", None
    for part in loc:
        if before not in unions or part not in unions[str(before)]:
            plain = isinstance(part, str) and re.fullmatch(r"\w{1,40}", part)
            path += f".{part}" if plain else f"[{quoted(part)}]"
        before = part
    return path.removeprefix(".")
