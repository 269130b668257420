"""A problem of a schedule, as every check tells it: code, severity, place, words, and the fix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from core.schedule.spec import Schedule

Severity = Literal["error", "warning", "hint"]
"""An error refuses to run; a warning costs a run much of its worth; a hint is good to know."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One click that mends a problem: what it says on the button, and the mended schedule."""

    label: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to know about a schedule: `wrong` completes the sentence "path is …".

    The sentence begins with `subject` instead, where there is one. `path` is the place in the JSON
    document, and with `groups` the place on the timeline. `severity` is that of the check which has
    found it.
    """

    code: str
    path: str
    groups: tuple[str, ...]
    wrong: str
    way_out: str
    fix: Fix | None = None
    subject: str = ""
    severity: Severity = field(default="hint", compare=False)

    @property
    def sentence(self) -> str:
        """What is wrong, without the way out."""
        return f"{self.subject or self.path} {self.wrong}"

    @property
    def message(self) -> str:
        """Field, value, what is wrong, way out, for a person."""
        return f"{self.sentence}: {self.way_out}"
