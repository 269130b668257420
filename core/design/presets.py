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
    stored = (entry.name for entry in _PRESETS.iterdir() if entry.name.endswith(".json"))
    return tuple(sorted(name.removesuffix(".json") for name in stored))


def text(name: str) -> str:
    """A preset's JSON as it is stored; InputError names the nearest preset if there is none."""
    if name not in names():
        raise InputError("preset", f"is {name!r}, which does not exist", nearest(name, names()))
    return (_PRESETS / f"{name}.json").read_text(encoding="utf-8")


def load(name: str) -> Schedule:
    """A preset as a schedule; InputError names the nearest preset if there is none."""
    return parse(text(name))
