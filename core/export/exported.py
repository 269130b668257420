"""What an export is made of and what it gives: the content, and what the target cannot say."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ExportError
from core.export import drawing
from core.export.drawing import Draw
from core.models.layer_table import LayerTable
from core.schedule.spec import Schedule

FILE = "\0file"
"""Stands in a usage for the file's name, quoted in its language; it cannot occur in a name."""
MODULE = "\0module"
"""What stands in a usage for the module that the file is."""


@dataclass(frozen=True, slots=True)
class Source:
    """A schedule, and what a target may want to know besides.

    `steps_per_epoch` counts optimizer steps, at least 1. `table` is the layer table of the
    schedule's model, None where it has none. `run` tells how a run of the schedule ended, in pairs
    of what and its value in words; it is empty without one. `draw` makes its pictures.
    """

    schedule: Schedule
    steps_per_epoch: int
    table: LayerTable | None = None
    run: tuple[tuple[str, str], ...] = ()
    draw: Draw = drawing.here


@dataclass(frozen=True, slots=True)
class Limitation:
    """Something of the schedule that a target cannot say.

    `field` is the schedule's (`lr.decay`, `groups[2].when_frozen`). `cannot` and `instead` are
    sentences without a full stop: what is lost, and what the target will do instead.
    """

    field: str
    cannot: str
    instead: str


@dataclass(frozen=True, slots=True)
class Exported:
    """An export's content (bytes for pictures), its limitations, and words about its use.

    `kept` says what is the same as in Thaw. `usage` is code or a command that uses the file, whose
    name FILE and MODULE stand for; "" if there is nothing to say.
    """

    content: str | bytes
    limitations: tuple[Limitation, ...] = ()
    kept: str = ""
    usage: str = ""


def unknown(field: str, name: str, where: str) -> ExportError:
    """Return the refusal of a name in the schedule that `where` has no counterpart for."""
    return ExportError(field, f"is {name!r}, which {where} does not know", "take another one")
