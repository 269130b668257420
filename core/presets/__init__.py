"""Presets: recipes to begin with, stored as JSON files beside this module."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from pathlib import Path

from core.errors import InputError, nearest
from core.models import layer_table
from core.models.layer_table import LayerTable
from core.presets import schema
from core.presets.apply import apply
from core.presets.schema import Family, Preset
from core.schedule import parse
from core.schedule.spec import ModelRef, Schedule

DEFAULT = "gradual"
BUNDLED_MODEL = "timm/tf_efficientnet_lite0"
BUNDLED_WEIGHTS = "bundled"
"""What comes with a package, and needs no network."""

FAMILIES: dict[Family, str] = {
    "thaw": "When groups thaw",
    "part": "Which part trains",
    "rates": "Rates by depth",
    "curve": "The curve",
    "exercise": "The exercise",
}
"""What presets are about, in the order in which they are told, and its heading."""

_PRESETS = files("core.presets") / "data"


@cache
def names() -> tuple[str, ...]:
    """Return all presets' names, sorted."""
    stored = (entry.name for entry in _PRESETS.iterdir() if entry.name.endswith(".json"))
    return tuple(sorted(name.removesuffix(".json") for name in stored))


def is_meant(name: str) -> bool:
    """Return whether a text names a preset: a file of that name comes first, a folder does not."""
    return name in names() and (Path(name).is_dir() or not os.path.lexists(name))


@cache
def find(name: str) -> Preset:
    """Return a preset's document; InputError names the nearest preset if there is none."""
    return schema.read(document(name))


def in_order() -> tuple[str, ...]:
    """All presets' names in the order in which they are offered: the default, then by title."""
    return tuple(sorted(names(), key=lambda name: (name != DEFAULT, find(name).title.lower())))


def document(name: str) -> str:
    """A preset's document as it is stored; InputError names the nearest preset if there is none."""
    if name not in names():
        raise InputError("preset", f"is {name!r}, which does not exist", nearest(name, names()))
    return (_PRESETS / f"{name}.json").read_text(encoding="utf-8")


@cache
def load(name: str) -> Schedule:
    """Return a preset as a schedule for its own model, or for the bundled one if it names none."""
    found = find(name)
    table = layer_table.load(found.model.name if found.model else BUNDLED_MODEL)
    return apply(found, table, found.model)


def text(name: str) -> str:
    """That schedule as JSON text."""
    return parse.dumps(load(name))


@cache
def applied(name: str, table: LayerTable, model: ModelRef) -> Schedule:
    """Return a preset as a schedule for that model, whose table it is; weights stay."""
    return apply(find(name), table, model)


def same(schedule: Schedule, table: LayerTable) -> str | None:
    """The preset that a schedule is for its model, whatever the schedule's name; None if none."""
    for name in names():
        try:
            made = applied(name, table, schedule.model)
        except InputError:  # a model with too few groups for it
            continue
        if made.equals_but_for_name(schedule):
            return name
    return None
