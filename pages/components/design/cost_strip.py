"""Cost per phase: a column for each, on the time axis of the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from core.models.layer_table import LayerTable
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from pages.components.design.cost_rows import Row, about, phase_at, phase_name, rows
from pages.components.learn.glossary import label
from pages.components.shared import cost_words as words
from pages.components.shared.axis import TRACK_LEFT, TRACK_RIGHT, Span
from pages.components.shared.cost_figures import Figures, figures

NO_TABLE = "not known: there is no layer table of this model"
_SLIM = 96 / 704
"""Share of the time axis below which a phase is too narrow for figures."""
_STACKED = 144 / 704
"""Share below which a bar lies under its figures, then in every column."""
_MANY = 24
"""Phases, above which borders between them would be all that one sees."""
_LEGEND = "<span><i></i>without the cache <b></b>with it</span>"


def cost_strip(
    schedule: Schedule,
    table: LayerTable | None,
    settings: RunSettings,
    playhead: float,
    span: Span | None = None,
) -> None:
    """Draw the strip: what each phase trains, keeps, computes, and saves with the cache.

    `playhead` is in epochs; where phases are too narrow for figures, its phase's are told below.
    `span` is the part of the time axis that is seen (default: the whole run).
    """
    if table is None:
        st.html(_section(_head(NO_TABLE, "")))
        return
    found = figures(schedule, table, settings)
    shown = rows(found, schedule.optimizer.title(), settings)
    columns = _columns(found, playhead, span or (0.0, float(schedule.epochs)))
    head = _head(
        f"{about(settings)}; 100% is every group open", _LEGEND if found.savings.phases else ""
    )
    lines = [_names(found, columns), *(_line(row, columns) for row in shown)]
    body = f'<div role="table" aria-label="Cost per phase">{"".join(lines)}</div>'
    tracks = " ".join(f"minmax(0,{each.width:.6g}fr)" for each in columns)
    foot = _foot(found, shown, columns, playhead, settings)
    st.html(_section(head + body + foot, tracks, _classes(columns)))


@dataclass(frozen=True, slots=True)
class _Column:
    """A phase in view: its index, and its width in epochs and as a share of the time axis."""

    at: int
    width: float
    share: float
    now: bool

    @property
    def slim(self) -> bool:
        """Whether the column is too narrow for figures."""
        return self.share < _SLIM


def _columns(found: Figures, playhead: float, span: Span) -> tuple[_Column, ...]:
    """Return the phases that are seen, each as wide as what is seen of it."""
    low, high = span
    now = phase_at(found, playhead)
    alone = len(found.costs.phases) == 1
    columns = []
    for at, part in enumerate(found.costs.phases):
        width = min(part.end, high) - max(part.start, low)
        if width > 0:
            share = width / (high - low)
            columns.append(_Column(at, width, share, at == now and not alone))
    return tuple(columns)


def _classes(columns: Sequence[_Column]) -> str:
    """Return the CSS classes of the section, which depend on the widths of its columns."""
    shares = [column.share for column in columns if not column.slim]
    stacked = " stacked" if any(share < _STACKED for share in shares) else ""
    return stacked + (" many" if len(columns) > _MANY else "")


def _section(body: str, tracks: str = "1fr", classes: str = "") -> str:
    name = f"thaw-cost{classes}"
    style = f"--left:{TRACK_LEFT}px;--right:{TRACK_RIGHT}px;--tracks:{tracks}"
    widths = f"{_SLIM} {_STACKED}"  # for cost_strip.js
    return f'<section class="{name}" style="{style}" data-stacked="{widths}">{body}</section>'


def _head(lead: str, legend: str) -> str:
    return (
        '<div class="thaw-cost-head"><h2 class="thaw-heading">Cost per phase</h2>'
        f"<span>{lead}</span><em>{legend}</em></div>"
    )


def _names(found: Figures, columns: Sequence[_Column]) -> str:
    """Return the names of the columns for screen readers; the timeline above shows them."""
    parts = found.costs.phases
    names = ["Cost", *(phase_name(parts[c.at], c.at, len(parts)) for c in columns), "Whole run"]
    cells = "".join(f'<span role="columnheader">{escape(name)}</span>' for name in names)
    return f'<div role="row" class="thaw-unseen">{cells}</div>'


def _line(row: Row, columns: Sequence[_Column]) -> str:
    cells = (
        f'<span role="cell" class="thaw-cost-note" aria-colspan="{len(columns)}">{row.note}</span>'
        if row.note
        else "".join(_cell(row, column) for column in columns)
    )
    title = f'<span role="rowheader">{label(row.term, row.title)}</span>'
    return (
        f'<div role="row" class="thaw-cost-row" data-name="{row.short}">{title}{cells}'
        f'<em role="cell">{row.total}</em></div>'
    )


def _cell(row: Row, column: _Column) -> str:
    cell = row.cells[column.at]
    style = f"--dark:{cell.dark:.4g};--pale:{cell.pale:.4g}"
    mark = ' class="now"' if column.now else ""
    return f'<div role="cell"{mark} style="{style}"><p>{cell.figures}</p><i></i></div>'


def _foot(
    found: Figures,
    shown: Sequence[Row],
    columns: Sequence[_Column],
    playhead: float,
    settings: RunSettings,
) -> str:
    """Return a line about the phase at the playhead, with figures if columns are too narrow."""
    parts = found.savings.phases
    if not parts and not any(column.slim for column in columns):
        return ""
    now = phase_at(found, playhead)
    sentences = [f"{phase_name(found.costs.phases[now], now, len(found.costs.phases))}:"]
    if any(column.slim for column in columns):
        sentences += [f"{row.cells[now].figures} {row.short}," for row in shown if row.cells]
    if parts:
        sentences.append(f"training begins at <b>{words.begins(parts[now])}</b>")
    # where no pass is made, its row has said why
    named_before = not found.savings.precompute_passes or settings.cache == "off"
    cache = "" if named_before else f"The cache: {words.summary(found.savings, settings)}"
    return f'<p class="thaw-cost-foot"><span>{" ".join(sentences)}</span><span>{cache}</span></p>'
