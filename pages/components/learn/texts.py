"""The lesson's texts: a Markdown file per step and language, with placeholders for live numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from string import Template

from pages.components.learn.language import FOLDER

STEPS = ("setup", "groups", "freezing", "rates", "unfreezing", "warmup")
"""The exercise's six parts, in order; each is a file `N-name.md`."""

CHECKLIST = "checklist"

PARTS = ("why", "code", "figure", "fault", "question", "answer")
"""The roles of a step's sections, in order."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its Markdown."""

    heading: str
    body: str


@dataclass(frozen=True, slots=True)
class Text:
    """A title and its sections in order."""

    title: str
    sections: tuple[Section, ...]

    def part(self, name: str) -> Section:
        """Return a step's section by its role, one of PARTS."""
        return self.sections[PARTS.index(name)]

    def filled(self, numbers: Mapping[str, str]) -> Text:
        """Return the text with its placeholders `${name}` filled in, or raise KeyError."""
        return Text(
            self.title,
            tuple(Section(s.heading, Template(s.body).substitute(numbers)) for s in self.sections),
        )

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of all placeholders."""
        return frozenset(n for s in self.sections for n in Template(s.body).get_identifiers())


def file_name(step: str) -> str:
    """Return the file of a step, or of the checklist."""
    return f"{STEPS.index(step) + 1}-{step}.md" if step in STEPS else f"{step}.md"


@cache
def read(code: str, step: str) -> Text:
    """Return the text of a step, or of the checklist, in the language of that code."""
    source = (FOLDER / code / file_name(step)).read_text(encoding="utf-8")
    title, *parts = re.split(r"^## (.+)$", source, flags=re.MULTILINE)
    sections = zip(parts[::2], parts[1::2], strict=True)
    return Text(
        title.strip().removeprefix("# "),
        tuple(Section(heading, body.strip()) for heading, body in sections),
    )


def code_of(body: str) -> str:
    """Return the Python of a section that is one fenced block."""
    return body.removeprefix("```python\n").removesuffix("\n```")
