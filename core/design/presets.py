"""Presets: schedules to begin with, stored as JSON files beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from core.design.parse import parse
from core.design.spec import Schedule
from core.errors import InputError, nearest

DEFAULT = "gradual"

_PRESETS = files("core.design") / "presets"


@cache
def names() -> tuple[str, ...]:
    """All presets' names, sorted."""
    return tuple(sorted(entry.name.removesuffix(".json") for entry in _PRESETS.iterdir()))


def text(name: str) -> str:
    """A preset's JSON as it is stored; InputError names the nearest preset if there is none."""
    if name not in names():
        raise InputError("preset", f"is {name!r}, which is not there", nearest(name, names()))
    return (_PRESETS / f"{name}.json").read_text(encoding="utf-8")


def load(name: str) -> Schedule:
    """A preset as a schedule."""
    return parse(text(name))
