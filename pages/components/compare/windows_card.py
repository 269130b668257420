"""The bars that show when each group trains: one per schedule, on a shared time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from core.compare import formats
from core.compare.align import GroupRow
from core.compare.comparable import Comparable, changes_by_epoch, learning, lr, peak
from core.records.model import Record
from core.schedule import curves, plan
from core.schedule.spec import BaseGroup
from core.schedule.words import percent, rate
from pages.components.compare import slot_style
from pages.components.compare.slots import Slot
from pages.components.shared.axis import tick_step

_POINTS = 40
"""Points of a rate's line within one span."""
_HIGHEST = 0.9
"""Share of the bar's height that the peak takes."""
_MAX_TICKS = 12
_MAX_SCALES = 2


def bars(slots: Sequence[Slot], rows: Sequence[GroupRow[BaseGroup]]) -> str:
    """Return a table as HTML in which each group has a line per schedule."""
    epochs = max(slot.plan.epochs for slot in slots)
    shares = [learning(slot.plan) for slot in slots]
    body = "".join(
        _row(row, slots, shares, epochs, slot_style.swatch(colour), colour)
        for row, colour in zip(reversed(rows), reversed(slot_style.row_colours(rows)), strict=True)
    )
    return (
        f'<div class="thaw-bars" role="table" aria-label="When each group trains">{_head(epochs)}'
        f"{body}</div>"
    )


def _head(epochs: int) -> str:
    every = tick_step(epochs, _MAX_TICKS)
    ticks = "".join(
        f'<i style="left:{epoch / epochs:.3%}">{epoch}</i>' for epoch in range(0, epochs + 1, every)
    )
    return (
        '<div role="row" class="thaw-bars-head"><span role="columnheader">Epoch</span>'
        '<span role="columnheader" class="thaw-unseen">Schedule</span>'
        f'<span role="columnheader" class="thaw-ticks"><b class="thaw-unseen">Trains</b>{ticks}'
        '</span><span role="columnheader">Share of learning</span></div>'
    )


def _row(
    row: GroupRow[BaseGroup],
    slots: Sequence[Slot],
    shares: Sequence[Mapping[str, float | None]],
    epochs: int,
    swatch: str,
    colour: tuple[str, str],
) -> str:
    lines = "".join(
        _line(group, slot, share[group.name] if group else None, epochs)
        for group, slot, share in zip(row, slots, shares, strict=True)
    )
    scale = _scale(row, slots)
    name = escape(slot_style.name_of(row))
    style = f"--group:light-dark({colour[0]},{colour[1]})"
    return (
        f'<div role="rowgroup" class="thaw-bars-group" style="{style}">'
        f'<div role="row" class="thaw-bars-name"><span role="rowheader">{swatch}<b>{name}</b>'
        f"</span><small>{scale}</small></div>{lines}</div>"
    )


def _scale(row: GroupRow[BaseGroup], slots: Sequence[Slot]) -> str:
    """Return the group's LR scale, or both if the schedules have two, as HTML.

    If one is a record, which has no base rate, peak rates are returned.
    """
    plans = [slot.plan for slot in slots]
    recorded = any(isinstance(plan, Record) for plan in plans)
    found = [(group.name, plan) for group, plan in zip(row, plans, strict=True) if group]
    scales = dict.fromkeys(
        rate(peak(plan, name))
        if recorded or isinstance(plan, Record)
        else f"×{rate(curves.scale(plan, plan.group(name)), 6)}"
        for name, plan in found
    )
    return escape(" → ".join(scales)) if len(scales) <= _MAX_SCALES else "other scales"


def _line(group: BaseGroup | None, slot: Slot, learned: float | None, epochs: int) -> str:
    if group is None:
        text = f"not in this {'record' if isinstance(slot.plan, Record) else 'schedule'}"
        track = f'<u class="thaw-says">{text}</u>'
    else:
        own = slot.plan.epochs
        spans = plan.training_spans(group, own)
        bar = _track(group, slot.plan, spans)
        track = f'<div class="thaw-frozen" style="width:{own / epochs:.4%}">{bar}</div>'
        text = formats.spans(spans, own)
    share = "–" if learned is None else percent(learned)
    width = min(1.0, learned or 0.0)
    return (
        f'<div role="row" class="thaw-bars-line">'
        f'<span role="cell">{slot_style.chip(slot.letter)}</span>'
        f'<div role="cell" class="thaw-track"><b class="thaw-unseen">{text}</b>{track}</div>'
        f'<div role="cell" class="thaw-share"><i><s style="width:{width:.2%}"></s></i>'
        f"<em>{share}</em></div></div>"
    )


def _track(group: BaseGroup, of: Comparable, spans: Sequence[plan.Span]) -> str:
    """Return the bar's inside: a shape for each span, or that it never trains."""
    if not spans:
        return '<u class="thaw-says">never trains</u>'
    return "".join(_span(group, of, start, end) for start, end in spans)


def _span(group: BaseGroup, of: Comparable, start: int, end: int) -> str:
    times = np.linspace(start, end, _POINTS)
    if changes_by_epoch(of):  # a stair: each epoch's rate at both of its ends
        edges = np.unique(np.linspace(start, end, min(_POINTS, end - start) + 1).astype(int))
        times = np.repeat(edges, 2)[1:-1]
        rates = lr(of, group.name, np.repeat(edges[:-1], 2))
    else:
        rates = lr(of, group.name, times)
    highest = peak(of, group.name) or 1.0
    down = 100 * (1.0 - np.clip(rates / highest, 0.0, 1.0) * _HIGHEST)
    across = (times - start) / (end - start) * 100
    line = ",".join(f"{x:.4g}% {y:.3g}%" for x, y in zip(across, down, strict=True))
    left, width = start / of.epochs, (end - start) / of.epochs
    # a clipped box, since Streamlit lets no SVG through
    return (
        f'<span class="thaw-open" style="left:{left:.4%};width:{width:.4%}">'
        f'<i style="clip-path:polygon(0 100%,{line},100% 100%)"></i></span>'
    )
