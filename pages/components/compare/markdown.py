"""The comparison as Markdown, for an issue, a notebook or a message."""

from __future__ import annotations

from collections.abc import Sequence

from pages.components.compare.conditions import setting_differences
from pages.components.compare.differences import differences
from pages.components.compare.figures import FigureLine
from pages.components.compare.slots import Slot
from pages.components.compare.verdict_card import verdicts
from pages.components.shared import frame


def markdown(slots: Sequence[Slot], lines: Sequence[FigureLine]) -> str:
    """Return the schedules' names, the differences of each from A, and the table of figures."""
    plain = frame.escape_markdown
    parts = ["Schedules compared with Thaw", ""]
    parts += [f"- **{s.letter}**: {plain(s.plan.name)} ({plain(s.about)})" for s in slots]
    for heading, reasons in verdicts(slots):
        parts += ["", f"**{plain(heading)}.** {plain(reasons)}"]
    for other in slots[1:]:
        parts += ["", f"**What {other.letter} does differently than A**", ""]
        found = (*setting_differences(slots[0], other), *differences(slots[0], other))
        parts += [f"- {plain(line.line)}" for line in found] or ["- nothing"]
    parts += ["", "| | " + " | ".join(slot.letter for slot in slots) + " |"]
    parts += ["|---|" + "---:|" * len(slots)]
    for line in lines:
        cells = (
            f"{cell.text} ({cell.remark})" if cell.remark else cell.text for cell in line.cells
        )
        parts.append(f"| {line.title} | " + " | ".join(cells) + " |")
    return "\n".join(parts) + "\n"
