"""The lesson's tables, tiles and timeline as HTML, with a swatch beside each group's name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from core.schedule import plan
from core.schedule.spec import Schedule
from pages.components.learn.language import Language
from pages.components.shared import frame


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first cell of each row is the row's heading; cells are HTML."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<table class="thaw-lesson-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def bar(share: float, colour: str) -> str:
    """Return a bar that fills that share of its track, in [0, 1]."""
    fill = f"width:{100 * share:.2f}%;background:{colour}"
    return f'<span class="thaw-lesson-track" aria-hidden="true"><i style="{fill}"></i></span>'


def timeline(schedule: Schedule, epoch: int, language: Language) -> str:
    """Return a row per group, head on top: hatched where it is frozen, a bar where it trains.

    A line marks `epoch`. A screen reader hears a sentence per row.
    """
    tints, total = frame.group_tints(schedule), schedule.epochs
    rows = ""
    for group in reversed(schedule.groups):
        spans, tint = plan.training_spans(group, total), tints[group.name]
        label = _label(spans, group.name, language)
        rows += (
            f'<li><span aria-hidden="true">{frame.swatch_and_name(group.name, tint)}</span>'
            f'<span class="thaw-lesson-line-track" role="img" aria-label="{label}">'
            f"{_bars(spans, total, tint, language)}</span></li>"
        )
    ticks = "".join(
        f'<span style="left:{100 * at / total:.2f}%">{at}</span>' for at in range(0, total + 1, 2)
    )
    return (
        f'<ul class="thaw-lesson-line" style="--at:{epoch / total:.4f}">{rows}</ul>'
        f'<div class="thaw-lesson-line-axis" aria-hidden="true">'
        f"<b>{escape(language.word('figure.epoch'))}</b><span>{ticks}</span></div>"
    )


def _bars(spans: Sequence[plan.Span], total: int, colour: str, language: Language) -> str:
    if not spans:
        return f"<em>{escape(language.word('figure.never-bar'))}</em>"
    return "".join(
        f'<i style="left:{100 * start / total:.2f}%;width:{100 * (end - start) / total:.2f}%;'
        f'background:color-mix(in oklab, {colour} 78%, var(--thaw-card))"></i>'
        for start, end in spans
    )


def _label(spans: Sequence[plan.Span], group: str, language: Language) -> str:
    sentences = [
        language.word("figure.timeline", group=group, start=str(start), end=str(end - 1))
        for start, end in spans
    ]
    return escape(" ".join(sentences) or language.word("figure.never", group=group))
