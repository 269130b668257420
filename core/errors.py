"""Every error that Thaw raises on purpose, each with the exit code of the command line.

ThawError                 1   something that Thaw can explain
├── InputError            2   bad input: a field, its value, what is wrong, the way out
│   ├── ScheduleError         a schedule or record that cannot be read, with all its problems
│   ├── LinkError             a share link that cannot be read
│   ├── SettingsError         run settings that cannot be used
│   ├── ModelError            a model that is unknown or cannot be grouped
│   ├── DataError             a data set that cannot be used
│   └── ExportError           a schedule that a target would get wrong
└── RunError              1   a run that failed
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

STOPPED = 130
"""The exit code of what was stopped, which is no error."""
_LONGEST_VALUE = 80


def shown(value: object) -> str:
    """The value as a message quotes it: text in 'quotes', the rest as JSON, 80 characters of it."""
    try:
        text = repr(value) if isinstance(value, str) else json.dumps(value)
    except TypeError:  # no JSON value
        text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def one_line(text: str) -> str:
    """The text with what could break a line, or steer a terminal, written out as in `\\n`."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def nearest(name: str, valid: Iterable[str], limit: int = 8) -> str:
    """Return a clause that names the closest valid name, or the first `limit` valid ones."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"use one of {', '.join(names[:limit])}{more}"


@contextmanager
def importing() -> Iterator[None]:
    """Turn an import that fails for want of a library, or in it, into an InputError about that."""
    try:
        yield
    except ImportError as error:
        name = (error.name or "a library").partition(".")[0]
        if name == "core":
            raise
        way_out = "install what Thaw needs with: pip install -r requirements.txt"
        raise InputError(name, f"cannot be imported ({one_line(str(error))})", way_out) from error


class ThawError(Exception):
    """Something went wrong that Thaw can explain; `str()` is the message for a person."""

    exit_code: ClassVar[int] = 1


class InputError(ThawError):
    """Bad input, told as field, value, what is wrong and the way out.

    `field` is a JSON path (`lr.warmup.epochs`), a flag (`--samples`) or a file's name;
    `wrong` completes the sentence "field is …"; `way_out` says what to do instead. Where more than
    one thing is wrong, `problems` holds them all, and the first is the message.
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self, field: str, wrong: str, way_out: str, problems: Sequence[InputError] = ()
    ) -> None:
        super().__init__(f"{field} {wrong}: {way_out}")
        self.field = field
        self.wrong = wrong
        self.way_out = way_out
        self.problems = tuple(problems) or (self,)


class ScheduleError(InputError):
    """A schedule or record was refused: every reason is in `problems`, the first in the message."""

    def __init__(self, problems: Sequence[InputError]) -> None:
        first = problems[0]
        super().__init__(first.field, first.wrong, first.way_out, problems)


class LinkError(InputError):
    """A share link cannot be read."""


class SettingsError(InputError):
    """Run settings cannot be used."""


class ModelError(InputError):
    """A model is unknown, or its layers cannot be grouped."""


class DataError(InputError):
    """A data set cannot be used."""


class ExportError(InputError):
    """A target would train otherwise than the schedule says, and not merely say less of it."""


class RunError(ThawError):
    """A run failed after it had started."""
