"""The bars that show when each group trains, and how fast: one per schedule, on shared axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np

from core.compare import formats
from core.compare.align import GroupRow
from core.compare.comparable import Comparable, changes_by_epoch, learning, lr, peak
from core.export.palette import Pair
from core.records.model import Record
from core.schedule import curves as rate_curves
from core.schedule import plan
from core.schedule.curves import Array
from core.schedule.spec import BaseGroup
from core.schedule.words import percent, rate
from pages.components.compare import slot_style
from pages.components.compare.slots import Slot
from pages.components.shared.axis import tick_step
from pages.components.shared.chart_style import View, rate_domain

_POINTS = 40
"""Points of a rate's line within one span."""
_PALEST, _STRONGEST = 22, 82
"""Percent of the group's colour in a tint, at the lowest and the highest rate."""
_MAX_TICKS = 12
_MAX_SCALES = 2


@dataclass(frozen=True, slots=True)
class _Curve:
    """The rates of a group in a window [start, end), at times in epochs."""

    start: int
    end: int
    times: Array
    rates: Array


_Curves = tuple[_Curve, ...]


@dataclass(frozen=True, slots=True)
class RateBars:
    """The bars as HTML, a table in which each group has a line per schedule; and their top rate."""

    html: str
    top: float


def rate_bars(
    slots: Sequence[Slot],
    rows: Sequence[GroupRow[BaseGroup]],
    scale: Literal["log", "linear"] = "log",
) -> RateBars:
    """Return the bars; height and tint are rates on one scale for all groups and schedules."""
    epochs = max(slot.plan.epochs for slot in slots)
    shares = [learning(slot.plan) for slot in slots]
    drawn = [
        [_curves(group, slot.plan) for group, slot in zip(row, slots, strict=True)] for row in rows
    ]
    rates = [curve.rates for row in drawn for curves in row for curve in curves]
    every = np.concatenate(rates or [np.zeros(0)])
    top = float(every.max(initial=0.0))
    low, high = rate_domain(every, View(scale=scale))
    domain = (low, top or high)
    body = "".join(
        _row(row, slots, shares, epochs, curves, domain, colour)
        for row, curves, colour in reversed(
            [*zip(rows, drawn, slot_style.row_colours(rows), strict=True)]
        )
    )
    html = (
        f'<div class="thaw-bars" role="table" aria-label="When each group trains">{_head(epochs)}'
        f"{body}</div>"
    )
    return RateBars(html, top)


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
    drawn: Sequence[_Curves],
    domain: tuple[float, float],
    colour: Pair,
) -> str:
    lines = "".join(
        _line(group, slot, share[group.name] if group else None, epochs, curves, domain)
        for group, slot, share, curves in zip(row, slots, shares, drawn, strict=True)
    )
    scale = _scale(row, slots)
    name = escape(slot_style.name_of(row))
    style = f"--group:light-dark({colour[0]},{colour[1]})"
    return (
        f'<div role="rowgroup" class="thaw-bars-group" style="{style}">'
        f'<div role="row" class="thaw-bars-name"><span role="rowheader">'
        f"{slot_style.swatch(colour)}<b>{name}</b>"
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
        else f"×{rate(rate_curves.scale(plan, plan.group(name)), 6)}"
        for name, plan in found
    )
    return escape(" → ".join(scales)) if len(scales) <= _MAX_SCALES else "other scales"


def _line(
    group: BaseGroup | None,
    slot: Slot,
    learned: float | None,
    epochs: int,
    curves: _Curves,
    domain: tuple[float, float],
) -> str:
    if group is None:
        text = f"not in this {'record' if isinstance(slot.plan, Record) else 'schedule'}"
        track = f'<u class="thaw-says">{text}</u>'
    else:
        own = slot.plan.epochs
        bar = "".join(_span(curve, own, domain) for curve in curves)
        bar = bar or '<u class="thaw-says">never trains</u>'
        track = f'<div class="thaw-frozen" style="width:{own / epochs:.4%}">{bar}</div>'
        text = formats.spans(plan.training_spans(group, own), own)
    share = "–" if learned is None else percent(learned)
    width = min(1.0, learned or 0.0)
    return (
        f'<div role="row" class="thaw-bars-line">'
        f'<span role="cell">{slot_style.chip(slot.letter)}</span>'
        f'<div role="cell" class="thaw-track"><b class="thaw-unseen">{text}</b>{track}</div>'
        f'<div role="cell" class="thaw-share"><i><s style="width:{width:.2%}"></s></i>'
        f"<em>{share}</em></div></div>"
    )


def _curves(group: BaseGroup | None, of: Comparable) -> _Curves:
    """Return the group's rates in each window in which it trains."""
    if group is None:
        return ()
    return tuple(_curve(group, of, *span) for span in plan.training_spans(group, of.epochs))


def _curve(group: BaseGroup, of: Comparable, start: int, end: int) -> _Curve:
    if not changes_by_epoch(of):
        times = np.linspace(start, end, _POINTS)
        return _Curve(start, end, times, lr(of, group.name, times))
    # a stair: each epoch's rate at both of its ends
    edges = np.unique(np.linspace(start, end, min(_POINTS, end - start) + 1).astype(int))
    rates = lr(of, group.name, np.repeat(edges[:-1], 2))
    return _Curve(start, end, np.repeat(edges, 2)[1:-1].astype(np.float64), rates)


def _span(curve: _Curve, epochs: int, domain: tuple[float, float]) -> str:
    heights = _heights(curve.rates, domain)
    length = curve.end - curve.start
    across = (curve.times - curve.start) / length * 100
    down = 100 * (1.0 - heights)
    line = ",".join(f"{x:.4g}% {y:.3g}%" for x, y in zip(across, down, strict=True))
    left, width = curve.start / epochs, length / epochs
    tint = _PALEST + (_STRONGEST - _PALEST) * heights.max()
    # a clipped box, since Streamlit lets no SVG through
    return (
        f'<span class="thaw-open" style="left:{left:.4%};width:{width:.4%};--tint:{tint:.0f}%">'
        f'<i style="clip-path:polygon(0 100%,{line},100% 100%)"></i></span>'
    )


def _heights(rates: Array, domain: tuple[float, float]) -> Array:
    """Return the place of rates on a scale from 0 to 1, which is logarithmic from a low above 0."""
    low, high = domain
    heights: Array = (
        rates / high if low == 0 else np.log(np.maximum(rates, low) / low) / np.log(high / low)
    )
    return heights
