"""One thing that is done differently, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.schedule.words import listed


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a schedule does differently than another: what, and in which numbers.

    `groups` are the names, in the second schedule, of the groups that it is about, and `text`
    begins with them; one that only the first schedule has goes by its name there. `fields` are the
    places in the JSON document that differ: `lr.warmup.epochs`, or a group's `trainable`.
    """

    text: str
    detail: str
    fields: tuple[str, ...]
    groups: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Both in one line."""
        return f"{self.text} ({self.detail})" if self.detail else self.text


def merged(lines: list[Difference]) -> Iterator[Difference]:
    """The lines, with what is said after `NAME: ` of several groups said once, at the first."""
    about: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        about.setdefault(_said_of_any(line), []).extend(line.groups)
    for line in lines:
        said, _ = found = _said_of_any(line)
        names = about[found]
        if not said.startswith(": ") or len(names) < 2:
            yield line
        elif names[0] == line.groups[0]:
            yield replace(line, text=f"{listed(names, 3)}{said}", groups=tuple(names))


def _said_of_any(line: Difference) -> tuple[str, str]:
    return line.text[len(line.groups[0]) :] if line.groups else line.text, line.detail
