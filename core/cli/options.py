"""Options and arguments of several commands: whole numbers, schedules, files, layer tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from core import presets
from core.errors import InputError, importing, nearest, quoted
from core.models import catalogue, table_cache
from core.models.layer_table import LayerTable
from core.runs.settings import RunSettings
from core.schedule import parse
from core.schedule.batches import steps_per_epoch
from core.schedule.spec import Schedule

_DEFAULTS = RunSettings()
_MAX_STEPS = 1_000_000
AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any])


def whole(text: str) -> int | str:
    """Return a whole number, or other text as it is, to be refused with all other settings."""
    try:
        return int(text)
    except ValueError:
        return text


def number(text: str) -> float | str:
    """Return a number, or other text as it is, to be refused with all other settings."""
    try:
        return float(text)
    except ValueError:
        return text


def whole_option(
    flag: str, default: int | None, metavar: str = "INTEGER", about: str | None = None
) -> Callable[[AnyCommand], AnyCommand]:
    """Return an option for a run setting that is a whole number."""
    return click.option(
        flag,
        type=whole,
        metavar=metavar,
        default=default,
        show_default=default is not None,
        help=about,
    )


def whole_up_to(flag: str, most: int) -> Callable[[str], int]:
    """Return the type of an option that takes whole numbers from 1 to `most`."""

    def parse_number(text: str) -> int:
        number = whole(text)
        if not isinstance(number, int) or not 1 <= number <= most:
            raise InputError(flag, f"is {quoted(number)}", f"use a whole number from 1 to {most:,}")
        return number

    return parse_number


STEPS_PER_EPOCH = click.option(
    "--steps-per-epoch",
    type=whole_up_to("--steps-per-epoch", _MAX_STEPS),
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
    return parse.parse(read_input("FILE", file))


def read_input(argument: str, file: str) -> bytes:
    """Return the bytes of a file, or of standard input for -: at most one more than a schedule."""
    most = parse.MAX_DOCUMENT_BYTES + 1
    try:
        if file == "-":
            if sys.stdin is None:
                raise InputError(argument, "is '-', but there is no standard input", "name a file")
            return sys.stdin.buffer.read(most)
        with Path(file).open("rb") as stream:
            return stream.read(most)
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
    """Return the table of a model by its full name; one that is not stored is made, and cached."""
    cache = table_cache.cache_folder()
    table = table_cache.find(model, cache)
    if table is None:
        table = tabulate(model)
        table_cache.store(table, cache)
    return table


def table_if_known(schedule: Schedule) -> LayerTable | None:
    """Return the table of a schedule's model; None for an unknown model."""
    return table_of(schedule.model.name) if schedule.model.name in catalogue.names() else None


def tabulate(model: str) -> LayerTable:
    """Make the table of a model, by its full name; that imports torch."""
    with importing():
        from core.training.tabulate import tabulate as make_table

    return make_table(model)


def path(argument: str, text: str) -> Path:
    """Return the path that an argument names; InputError if it is empty."""
    if not text:
        raise InputError(argument, "is empty", "name a folder, or . for this one")
    return Path(text)
