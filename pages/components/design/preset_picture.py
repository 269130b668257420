"""A small picture of what a schedule does: a row per group, coloured where it trains."""

from __future__ import annotations

import math
from base64 import b64encode
from functools import lru_cache

import numpy as np

from core.export.palette import ROLES, group_colours
from core.schedule import curves, plan
from core.schedule.curves import Array
from core.schedule.spec import Group, Schedule
from core.schedule.words import counted, epochs, one_or_more

WIDTH, HEIGHT = 240, 64
_GAP = 2.0
_PALEST = 0.35
_DECADES = 4
"""A rate of a ten-thousandth of the highest, or less, is drawn palest."""
_POINTS = 240
"""Points of all curves of a row together, at most; fewer where there are many rows."""


@lru_cache(maxsize=256)
def picture(schedule: Schedule, *, dark: bool) -> str:
    """Return the picture as an `img` element, as wide as its place.

    The height of the colour is the rate as a share of the group's peak, as in the timeline; paler
    is slower.
    """
    # Streamlit takes SVG elements out of HTML, so it goes into the address.
    address = f"data:image/svg+xml;base64,{b64encode(svg(schedule, dark=dark).encode()).decode()}"
    return f'<img class="thaw-picture" alt="{_description(schedule)}" src="{address}">'


def svg(schedule: Schedule, *, dark: bool) -> str:
    """Return the picture as SVG, 240 by 64, which stretches to any size."""
    count = len(schedule.groups)
    row = HEIGHT / count
    bar = row - min(_GAP, row / 4)
    peaks = [curves.peak(schedule, group) for group in schedule.groups]
    parts = []
    for place, (group, colour) in enumerate(
        zip(schedule.groups, group_colours(count), strict=True)
    ):
        top = (count - 1 - place) * row
        parts.append(
            f'<rect y="{top:.2f}" width="{WIDTH}" height="{bar:.2f}"'
            f' fill="{ROLES["hatch-ground"][dark]}"/>'
        )
        drawn = "".join(
            _span(schedule, group, span, top, bar)
            for span in plan.training_spans(group, schedule.epochs)
        )
        if drawn:
            strength = _strength(peaks[place] / max(peaks))
            parts.append(f'<g fill="{colour[dark]}" opacity="{strength:.2f}">{drawn}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' preserveAspectRatio="none">{"".join(parts)}</svg>'
    )


def _span(schedule: Schedule, group: Group, span: plan.Span, top: float, bar: float) -> str:
    """Return a window: its pale ground, and the area under the rate."""
    start, end = span
    points = max(8, _POINTS // len(schedule.groups))
    t = np.linspace(start, end, points)
    shares = np.clip(_rates(schedule, group, t) / curves.peak(schedule, group), 0.0, 1.0)
    x = t / schedule.epochs * WIDTH
    y = top + bar * (1.0 - shares)
    line = " ".join(f"{a:.1f},{b:.2f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    left, right, bottom = x[0], x[-1], top + bar
    return (
        f'<rect x="{left:.1f}" y="{top:.2f}" width="{right - left:.1f}" height="{bar:.2f}"'
        ' opacity="0.2"/>'
        f'<polygon points="{left:.1f},{bottom:.2f} {line} {right:.1f},{bottom:.2f}"/>'
    )


def _rates(schedule: Schedule, group: Group, t: Array) -> Array:
    return curves.lr(schedule, group, np.floor(t) if schedule.lr.interval == "epoch" else t)


def _strength(share: float) -> float:
    faded = -math.log10(share) / _DECADES if share < 1 else 0.0
    return 1.0 - (1.0 - _PALEST) * min(faded, 1.0)


def _description(schedule: Schedule) -> str:
    phases = plan.phases(schedule)
    first, last = phases[0].training, phases[-1].training
    return (
        f"{counted(len(schedule.groups), 'group')} over {epochs(schedule.epochs)}: "
        f"{len(first)} {one_or_more(first, 'trains', 'train')} at first, {len(last)} at the end"
    )
