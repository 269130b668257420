"""The chart of a schedule as a picture, PNG or SVG, drawn without browser or network."""

from __future__ import annotations

from core.export import chart
from core.export.drawing import Kind
from core.export.exported import Exported, Source

_SVG_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- Made with Thaw -->\n'


def svg(source: Source) -> Exported:
    """Return the chart as SVG text."""
    return _exported(source, f"{_SVG_HEAD}{draw_svg(source)}")


def png(source: Source) -> Exported:
    """Return the chart as the bytes of a PNG, twice as large as on the page."""
    return _exported(source, _drawn(source, "png"))


def draw_svg(source: Source) -> str:
    """Return the chart as an `<svg>` element, all text escaped in it."""
    return _drawn(source, "svg").decode()


def _drawn(source: Source, kind: Kind) -> bytes:
    return source.draw(chart.document(source.schedule, source.steps_per_epoch), kind)


def _exported(source: Source, content: str | bytes) -> Exported:
    return Exported(content, chart.limitations(source.schedule), kept=chart.KEPT)
