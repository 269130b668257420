"""What several commands take: whole numbers, steps, schedules and files by name, layer tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from core import presets
from core.errors import InputError, importing, nearest, shown
from core.models import catalogue, table_cache
from core.models.layer_table import LayerTable
from core.runs.settings import RunSettings
from core.schedule import parse
from core.schedule.batches import steps_per_epoch
from core.schedule.spec import Schedule

_DEFAULTS = RunSettings()
_MOST_STEPS = 1_000_000
AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any])


def whole(text: str) -> int | str:
    """A whole number; any other text stays, and is refused together with all other settings."""
    try:
        return int(text)
    except ValueError:
        return text


def whole_option(
    flag: str, default: int | None, metavar: str = "INTEGER", about: str | None = None
) -> Callable[[AnyCommand], AnyCommand]:
    """Return an option for a run setting that is a whole number."""
    shown = default is not None
    return click.option(
        flag, type=whole, metavar=metavar, default=default, show_default=shown, help=about
    )


def _steps(text: str) -> int:
    steps = whole(text)
    if not isinstance(steps, int) or not 1 <= steps <= _MOST_STEPS:
        way_out = f"use a whole number from 1 to {_MOST_STEPS:,}"
        raise InputError("--steps-per-epoch", f"is {shown(steps)}", way_out)
    return steps


STEPS_PER_EPOCH = click.option(
    "--steps-per-epoch",
    type=_steps,
    metavar="INTEGER",
    default=steps_per_epoch(_DEFAULTS.samples, _DEFAULTS.batch_size),
    show_default=True,
    help="Optimizer steps per epoch.",
)


def read_schedule(file: str) -> Schedule:
    """Return the schedule that a FILE argument names."""
    if presets.is_preset(file):
        return presets.load(file)
    if file != "-" and not os.path.lexists(file):
        wrong = f"is {file!r}, which is neither a file nor a preset"
        raise InputError("FILE", wrong, nearest(file, presets.names()))
    return parse.parse(read("FILE", file))


def read(argument: str, file: str) -> bytes:
    """The bytes of a file, or of standard input for -: one more than a schedule has, at most."""
    most = parse.MAX_BYTES + 1
    try:
        if file == "-":
            if sys.stdin is None:
                raise InputError(argument, "is '-', but there is no standard input", "name a file")
            return sys.stdin.buffer.read(most)
        with Path(file).open("rb") as opened:
            return opened.read(most)
    except IsADirectoryError:
        raise InputError(argument, f"is {file!r}, a folder", "name a file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            argument,
            f"is {file!r}, which cannot be read ({reason})",
            "grant read permission, or name another file",
        ) from None


def table_of(model: str) -> LayerTable:
    """Return the table of a model by its full name: stored, kept, or made now and kept."""
    cache = table_cache.cache_folder()
    found = table_cache.find(model, cache)
    if found is None:
        found = tabulate(model)
        table_cache.store(found, cache)
    return found


def table_if_known(schedule: Schedule) -> LayerTable | None:
    """Return the table of a schedule's model; None for a name that no library has."""
    return table_of(schedule.model.name) if schedule.model.name in catalogue.names() else None


def tabulate(model: str) -> LayerTable:
    """Return the table of a model by its full name, made now; that loads torch."""
    with importing():
        from core.training.tabulate import tabulate as made

    return made(model)


def path(argument: str, given: str) -> Path:
    """The path that an argument names; InputError if it is empty, which would be this folder."""
    if not given:
        raise InputError(argument, "is empty", "name a folder, or . for this one")
    return Path(given)
