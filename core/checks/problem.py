"""A problem of a schedule: code, severity, place, message, and the fix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from core.schedule.spec import Schedule

Severity = Literal["error", "warning", "hint"]
"""An error keeps a schedule from running, a warning costs a run much of its worth, a hint helps."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A button that mends a problem: its label, and the mended schedule."""

    label: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a schedule.

    `path` is its place in the JSON document, and `groups` name its places on the timeline. `wrong`
    completes a sentence that begins with `subject`, or with `path` where that is empty. `severity`
    is that of its check.
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
        """The sentence that says what is wrong, without the way out."""
        return f"{self.subject or self.path} {self.wrong}"

    @property
    def message(self) -> str:
        """The whole message: field, value, what is wrong, way out."""
        return f"{self.sentence}: {self.way_out}"
