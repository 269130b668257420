"""A problem of a schedule, as every check tells it: code, severity, place, words, and the fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.schedule.spec import Schedule

Severity = Literal["error", "warning", "hint"]
ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "hint": 2}
"""An error refuses to run; a warning costs a run much of its worth; a hint is good to know."""

SEVERITIES: dict[str, Severity] = {
    "unknown-model": "error",
    "unknown-weights": "error",
    "nested-path": "error",
    "unknown-path": "error",
    "empty-group": "error",
    "ungrouped": "error",
    "idle-epochs": "error",
    "late-window": "warning",
    "late-thaw": "warning",
    "frozen-head": "warning",
    "long-warmup": "warning",
    "zero-epoch": "warning",
    "one-step-epochs": "warning",
    "rising-lr": "warning",
    "floor-above-peak": "warning",
    "unusual-lr": "warning",
    "wide-spread": "warning",
    "heavy-decay": "warning",
    "moving-batchnorm": "warning",
    "small-batch-batchnorm": "warning",
    "cold-thaw": "hint",
    "early-warmup": "hint",
    "no-warmup": "hint",
    "coarse-steps": "hint",
    "flat-lr": "hint",
    "frozen-above": "hint",
    "never-trains": "hint",
    "kept-moments": "hint",
    "decay-on-norms": "hint",
}
"""The severity of every problem, by its code."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One click that mends a problem: what it says on the button, and the mended schedule."""

    label: str
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to know about a schedule: `wrong` completes the sentence "path is …".

    The sentence begins with `subject` instead, where there is one. `path` is the place in the JSON
    document, and with `groups` the place on the timeline.
    """

    code: str
    path: str
    groups: tuple[str, ...]
    wrong: str
    way_out: str
    fix: Fix | None = None
    subject: str = ""

    @property
    def severity(self) -> Severity:
        """The severity of all problems of this code."""
        return SEVERITIES[self.code]

    @property
    def sentence(self) -> str:
        """What is wrong, without the way out."""
        return f"{self.subject or self.path} {self.wrong}"

    @property
    def message(self) -> str:
        """Field, value, what is wrong, way out, for a person."""
        return f"{self.sentence}: {self.way_out}"
