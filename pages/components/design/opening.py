"""Files that a page opens: a schedule's or a record's JSON, and phases of finetuning-scheduler."""

from __future__ import annotations

from core.compare.comparable import Comparable
from core.errors import InputError
from core.export import import_phases
from core.records.io import parse_either
from core.schedule import parse
from core.schedule.spec import Schedule
from pages.components.shared import session

_PHASES = ("yaml", "yml")
TYPES = ("json", *_PHASES)
"""How the files are called that a page opens, behind the dot."""


def schedule_in(name: str, content: bytes) -> Schedule:
    """Return the schedule in a file; phases are applied to the schedule that is open."""
    return _phases_in(content) if are_phases(name) else parse.parse(content)


def comparable_in(name: str, content: bytes) -> Comparable:
    """Return the schedule or record in a file; phases are applied as in `schedule_in`."""
    return _phases_in(content) if are_phases(name) else parse_either(content)


def are_phases(name: str) -> bool:
    """Return whether a file of that name is one of finetuning-scheduler."""
    return name.lower().rpartition(".")[2] in _PHASES


def _phases_in(content: bytes) -> Schedule:
    """Return the schedule that is open with the file's thaws and rates."""
    table = session.table()
    if table is None:
        wrong = "is still being read"
        raise InputError("the model's layer table", wrong, "open the file when it is there")
    return import_phases.read_phases(content, session.schedule(), table)
