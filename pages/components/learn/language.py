"""The lesson's languages: how each writes a number, and its short texts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from core.schedule.words import percent, rate

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its code (BCP 47): its own name, and how it writes numbers."""

    code: str
    name: str
    decimal: str
    thousands: str
    percent: str

    def word(self, key: str, **values: str) -> str:
        """Return the short text of a key such as `page.next`, with its placeholders filled in."""
        return Template(words(self.code)[key]).substitute(values)

    def integer(self, value: int) -> str:
        """Return a whole number: `11,689,512`. Spanish groups from five digits on: `9536` (RAE)."""
        if self.thousands == "," or abs(value) >= 10_000:
            return f"{value:,}".replace(",", self.thousands)
        return str(value)

    def number(self, value: float, digits: int = 3) -> str:
        """Return a number in at most that many significant digits: `0.1`, `99.2`."""
        return self.mark(f"{value:.{digits}g}")

    def share(self, value: float) -> str:
        """Return a share of 1 in percent, with a decimal below ten: `72%`, `4.4%`, `0.082%`."""
        return self.mark(percent(value)).replace("%", self.percent)

    def rate(self, value: float) -> str:
        """Return a learning rate in two digits: `1e-3`, `9.9e-7`, `0.01`."""
        return self.mark(rate(value, digits=2))

    def mark(self, text: str) -> str:
        """Return a number's text with this language's decimal mark."""
        return text.replace(".", self.decimal)


LANGUAGES: Mapping[str, Language] = {
    "en": Language("en", "English", decimal=".", thousands=",", percent="%"),
    "es": Language("es", "Español", decimal=",", thousands="\u202f", percent="\u00a0%"),
}
"""By code, the default first. Spanish: decimal comma, a narrow space at thousands and before %."""


@cache
def words(code: str) -> Mapping[str, str]:
    """Return all short texts of a language by their keys, `table.key`."""
    return {
        f"{table}.{key}": word
        for file in ("words.toml", "glossary.toml")
        for table, entries in tomllib.loads((FOLDER / code / file).read_text("utf-8")).items()
        for key, word in entries.items()
    }
