"""A schedule as a Markdown table, for a README or a model card."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.errors import one_line
from core.export import rows
from core.export.export_result import Exported, ExportSource

_ADDRESS = re.compile(r"(www)\.", re.IGNORECASE)
"""Text that GitHub turns into a link although it has no scheme."""
_SIGNS = "\\`*_{}[]()<>#!|~$&:@^="


def export(source: ExportSource) -> Exported:
    """Return a heading, the facts as a list, the table of groups (head last), and the cited run."""
    schedule = source.schedule
    head = ["<!-- Made with Thaw -->", "", f"## {escaped(schedule.name)}", ""]
    facts = _list(rows.in_words(schedule))
    table = [_line(rows.COLUMNS), "|---|---|--:|--:|---|"]
    table += [_line(_cells(row)) for row in rows.rows(source)]
    foot = ["", "Epochs count from 0."]
    if source.run:
        foot += ["", "### A run of it", "", *_list(source.run)]
    text = "\n".join([*head, *facts, "", *table, *foot]) + "\n"
    return Exported(text, rows.limitations(), preserved=rows.PRESERVED)


def _list(facts: Iterable[tuple[str, str]]) -> list[str]:
    return [f"- {what}: {escaped(value)}" for what, value in facts]


def escaped(text: str) -> str:
    """Return the text escaped, so that Markdown shows it as it is, in a cell too."""
    plain = "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in one_line(text))
    return _ADDRESS.sub(r"\1\\.", plain)


def _cells(row: rows.Row) -> tuple[str, ...]:
    parts = ", ".join(f"`{path}`" for path in row.modules)  # paths hold no sign of Markdown's
    size = "" if row.parameters is None else f"{row.parameters:,}"
    return escaped(row.name), parts, size, rows.rate(row.peak), row.trains()


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
