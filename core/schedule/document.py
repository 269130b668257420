"""The base class of Thaw's documents, and the types of their names and numbers."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from core.errors import quoted

MAX_EPOCHS = 10_000
MAX_GROUPS = 512
MAX_NAME = 80
"""Characters of a name."""

_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Fillers and blanks that Unicode counts among letters, marks and symbols."""
_SELECTORS = ("VARIATION SELECTOR", "MONGOLIAN FREE VAR")
"""How Unicode names the characters that only choose how the one before them is drawn."""


def can_be_seen(name: str) -> bool:
    """Return whether any character of the name is drawn: blanks, fillers and controls are not."""
    return any(map(_is_drawn, name))


def as_seen(name: str) -> str:
    """Return the name as a person sees it: names that look the same are equal then.

    Each accented letter has one spelling, blanks are one space between words and none around them,
    and what draws nothing is left out.
    """
    words = "".join(c if _is_drawn(c) else " " * c.isspace() for c in name)
    return unicodedata.normalize("NFC", " ".join(words.split()))


def _is_drawn(character: str) -> bool:
    return (
        unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Zs")
        and character not in _BLANK_LETTERS
        and not unicodedata.name(character, "").startswith(_SELECTORS)
    )


def _refuse_invisible(name: str) -> str:
    if not can_be_seen(name):
        raise validation_error(
            f"is {quoted(name)}", "write at least one character that can be seen"
        )
    return name


Name = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=MAX_NAME,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]+$",
    ),
    AfterValidator(_refuse_invisible),
]
"""A name for people: 1 to 80 characters, of which at least one can be seen.

Characters that control a terminal or the direction of text are refused, and so are U+FFFE and
U+FFFF, which no XML and so no SVG can hold.
"""

ModulePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"),
]
"""A module's or parameter's dotted path, as in `model.named_modules()`: `layer4.0.bn1`."""

MIN_RATE, MAX_RATE = 1e-12, 1e3
Rate = Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE)]
"""A learning rate. The bounds lie far beyond what trains, and keep rates from overflow and 0."""

Epoch = Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
Window = tuple[Epoch, Epoch | None]
"""Epochs in which a group trains, `[start, end)`; `null` means to the end."""

MAX_EXPONENT = 100
"""Scales lie within 1e-100 and 1e100: beyond, rates would be 0 or infinite."""

MIN_SCALE, MAX_SCALE = 10.0**-MAX_EXPONENT, 10.0**MAX_EXPONENT
Scale = Annotated[float, Field(ge=MIN_SCALE, le=MAX_SCALE)]
"""A group's peak as a share of the base rate, within all that a decay per group can give."""


def validation_error(wrong: str, way_out: str, field: str = "") -> PydanticCustomError:
    """Return the error that a validator raises; `validation` turns it into an InputError."""
    context = {"field": field, "wrong": wrong, "way_out": way_out}
    return PydanticCustomError("refused", "{wrong}: {way_out}", context)


class Document(BaseModel):
    """Base of every model in a Thaw file: frozen and strict, unknown fields refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class FieldText:
    """The texts of a field of a shape or an optimizer, as people see it; part of its annotation.

    `label`, `help` and `step` belong to its input in the app; a step of None grows with the value.
    `unit` follows the value in texts, and a `factor` is written as ×0.1. `comment` is its comment
    in exported code, where {whole} becomes what the field is a share of.
    """

    label: str
    help: str = ""
    step: float | None = 0.05
    unit: str = ""
    factor: bool = False
    comment: str = ""


def field_texts(document: type[BaseModel]) -> dict[str, FieldText]:
    """Return the FieldText of each field that has one, by the field's name, in order."""
    return {
        name: each
        for name, field in document.model_fields.items()
        for each in field.metadata
        if isinstance(each, FieldText)
    }


def members(union: Any) -> dict[str, Any]:
    """Return the classes of a union of documents by their tag: a Tag, or their first Literal."""
    by_tag = {}
    for member in get_args(get_args(union)[0]):
        if get_origin(member) is Annotated:
            part, tag = get_args(member)
            by_tag[tag.tag] = part
        else:
            kind = next(iter(member.model_fields.values()))
            by_tag[get_args(kind.annotation)[0]] = member
    return by_tag
