"""Presets: recipes to begin with, stored as JSON files beside this module."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

from core.errors import InputError, nearest
from core.models import layer_table
from core.models.layer_table import LayerTable
from core.presets import schema
from core.presets.apply import apply
from core.presets.schema import Family, Preset
from core.schedule import edits
from core.schedule.spec import ModelRef, Schedule

DEFAULT = "gradual"
BUNDLED_MODEL = "timm/tf_efficientnet_lite0"
"""A model whose weights come with a package, and need no network."""
BUNDLED_WEIGHTS = "bundled"

FAMILIES: dict[Family, str] = {
    "thaw": "When groups thaw",
    "part": "Which part trains",
    "rates": "Rates by depth",
    "curve": "The curve",
    "exercise": "The exercise",
}
"""The heading of each family of presets, in the order in which they are listed."""

_PRESETS = files("core.presets") / "data"


@cache
def names() -> tuple[str, ...]:
    """Return the names of all presets, sorted."""
    files_ = (entry.name for entry in _PRESETS.iterdir() if entry.name.endswith(".json"))
    return tuple(sorted(name.removesuffix(".json") for name in files_))


def is_preset(name: str) -> bool:
    """Return whether a text names a preset; a file (not a folder) of that name takes precedence."""
    return name in names() and (Path(name).is_dir() or not os.path.lexists(name))


@cache
def by_name(name: str) -> Preset:
    """Return the preset of that name; InputError names the nearest one if there is none."""
    return schema.parse_preset(json_text(name))


def in_order() -> tuple[str, ...]:
    """Return the names of all presets in the order of the gallery: the default, then by title."""
    return tuple(sorted(names(), key=lambda name: (name != DEFAULT, by_name(name).title.lower())))


def json_text(name: str) -> str:
    """Return the text of a preset's file; InputError names the nearest preset if there is none."""
    if name not in names():
        raise InputError("preset", f"is {name!r}, which does not exist", nearest(name, names()))
    return (_PRESETS / f"{name}.json").read_text(encoding="utf-8")


@cache
def load(name: str) -> Schedule:
    """Return a preset as a schedule for its own model, or for the bundled one if it names none."""
    preset = by_name(name)
    table = layer_table.load(preset.model.name if preset.model else BUNDLED_MODEL)
    return apply(preset, table, preset.model)


@cache
def load_for(name: str, table: LayerTable, model: ModelRef) -> Schedule:
    """Return a preset as a schedule for another model, whose layer table is `table`."""
    return apply(by_name(name), table, model)


def head_only(schedule: Schedule, table: LayerTable | None) -> Schedule:
    """Return the baseline of a schedule: its model, of which the head alone trains, as long.

    It has the rates of the preset, or those of the schedule's own head where that has no layer
    table or too few groups for the preset.
    """
    baseline = by_name("head-only")
    if table is not None:
        with suppress(InputError):
            return apply(baseline, table, schedule.model, schedule.epochs)
    frozen, head = [group.name for group in schedule.groups[:-1]], schedule.groups[-1].name
    only = edits.set_windows(schedule, {**dict.fromkeys(frozen, ()), head: edits.TO_THE_END})
    return edits.set_field(only, "name", baseline.title)


def matching(schedule: Schedule, table: LayerTable) -> str | None:
    """Return the preset that gives this schedule for its model; None if none does.

    The schedule's name does not count.
    """
    for name in names():
        try:
            candidate = load_for(name, table, schedule.model)
        except InputError:  # a model with too few groups for it
            continue
        if candidate.equals_but_for_name(schedule):
            return name
    return None
