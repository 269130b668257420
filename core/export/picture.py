"""The chart of a schedule as a picture, PNG or SVG, drawn without browser or network."""

from __future__ import annotations

import vl_convert

from core.export import chart
from core.export.exported import Exported, Source

_PIXELS = 2
"""Pixels of a PNG for each of the chart's own, as sharp screens and paper want."""


def svg(source: Source) -> Exported:
    """The chart as SVG text."""
    return _exported(source, draw_svg(source))


def png(source: Source) -> Exported:
    """The chart as the bytes of a PNG, twice as large as on the page."""
    spec = chart.document(source.schedule, source.steps_per_epoch)
    return _exported(source, vl_convert.vegalite_to_png(spec, scale=_PIXELS))


def draw_svg(source: Source) -> str:
    """The chart as an `<svg>` element, all text escaped in it."""
    drawn: str = vl_convert.vegalite_to_svg(chart.document(source.schedule, source.steps_per_epoch))
    return drawn


def _exported(source: Source, content: str | bytes) -> Exported:
    return Exported(content, chart.losses(source.schedule), kept=chart.KEPT)
