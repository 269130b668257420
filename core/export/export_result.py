"""The input and the result of an export: a schedule, and a file with its limitations."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ExportError
from core.export import drawing
from core.export.drawing import Draw
from core.models.layer_table import LayerTable
from core.schedule.spec import Schedule

FILE = "\0file"
"""Placeholder in a usage for the file's name, quoted in its language; no name contains it."""
MODULE = "\0module"
"""Placeholder in a usage for the name of the file as a Python module."""


@dataclass(frozen=True, slots=True)
class ExportSource:
    """A schedule, and what else its targets use.

    `steps_per_epoch` counts optimizer steps, at least 1. `table` is the layer table of the
    schedule's model, None if there is none. `run` has the results of a run of the schedule as pairs
    of a name and a value in words; it is empty without a run. `draw` draws pictures.
    """

    schedule: Schedule
    steps_per_epoch: int
    table: LayerTable | None = None
    run: tuple[tuple[str, str], ...] = ()
    draw: Draw = drawing.draw


@dataclass(frozen=True, slots=True)
class Limitation:
    """Something of the schedule that a target cannot express.

    `field` is a field of the schedule (`lr.decay`, `groups[2].when_frozen`). `cannot` and `instead`
    are sentences without a full stop: what is lost, and what the target does instead.
    """

    field: str
    cannot: str
    instead: str


@dataclass(frozen=True, slots=True)
class Exported:
    """An export's content (bytes for a PNG), its limitations, and how to use it.

    `preserved` says what is the same as in Thaw. `usage` is code or a command that uses the file,
    with FILE or MODULE in place of its name; "" if there is none.
    """

    content: str | bytes
    limitations: tuple[Limitation, ...] = ()
    preserved: str = ""
    usage: str = ""


def unknown_name_error(field: str, name: str, where: str) -> ExportError:
    """Return the error for a name in the schedule that `where` has no counterpart for."""
    return ExportError(field, f"is {name!r}, which {where} does not know", "take another one")
