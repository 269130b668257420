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
"""The exit code of a command that was stopped, which is no error."""
_MAX_CHARACTERS = 80
_MAX_NAMES = 8


def quoted(value: object) -> str:
    """Return a value for a message: text in quotes, all else as JSON, at most 80 characters."""
    try:
        text = repr(value) if isinstance(value, str) else json.dumps(value)
    except TypeError:  # not a JSON value
        text = repr(value)
    return text if len(text) <= _MAX_CHARACTERS else text[:_MAX_CHARACTERS] + "…"


def one_line(text: str) -> str:
    """Return the text in one line: control characters are written out, as in `\\n`."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return a clause that names the closest valid name, or the first eight valid ones."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"use one of {', '.join(names[:_MAX_NAMES])}{more}"


@contextmanager
def importing() -> Iterator[None]:
    """Turn an ImportError of a library into an InputError that says how to install it."""
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
    """Bad input: field, value, what is wrong, and the way out.

    `field` is a JSON path (`lr.warmup.epochs`), a flag (`--samples`) or a file's name; `wrong`
    completes a sentence that begins with it; `way_out` says what to do instead. `problems` has all
    errors if there are several; the first one is the message.
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
    """A schedule or record cannot be read; `problems` has all reasons, the message the first."""

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
    """A target of an export would train differently than the schedule says."""


class RunError(ThawError):
    """A run failed after it had started."""
