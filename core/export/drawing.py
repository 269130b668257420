"""A Vega-Lite chart drawn as SVG or PNG, in this process or in one of its own.

It takes neither browser nor network. Vega runs in a JavaScript engine, which keeps 100 MB of the
memory of a process in which it has run.

    python -m core.export.drawing svg < chart.json > chart.svg
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Literal

from core.errors import ExportError
from core.export import isolated

Kind = Literal["svg", "png"]
Draw = Callable[[dict[str, Any], Kind], bytes]
"""A function that returns the chart as a picture of that kind: UTF-8 text, or a PNG."""

_PIXELS = 2
"""Pixels of a PNG for each pixel of the chart, for dense screens and paper."""


def draw(chart: dict[str, Any], kind: Kind) -> bytes:
    """Return the chart, drawn in this process, as UTF-8 text of an SVG or as the bytes of a PNG."""
    import vl_convert  # 90 MB of code, which a server has no use for

    if kind == "png":
        png: bytes = vl_convert.vegalite_to_png(chart, scale=_PIXELS)
        return png
    svg: str = vl_convert.vegalite_to_svg(chart)
    return svg.encode()


def draw_isolated(chart: dict[str, Any], kind: Kind) -> bytes:
    """Return what `draw` returns, from a process of its own with limited time and memory.

    Raises ExportError if those do not suffice.
    """
    try:
        return isolated.run(__name__, kind, content=json.dumps(chart).encode())
    except isolated.UnfinishedError as why:
        way_out = "try again, or take it as vega-lite"
        raise ExportError("chart", f"could not be drawn {why}", way_out) from None


def main(kind: Kind) -> None:
    """Draw the chart on standard input, as JSON, onto standard output."""
    isolated.limit_resources()
    sys.stdout.buffer.write(draw(json.load(sys.stdin.buffer), kind))


if __name__ == "__main__":
    main("png" if sys.argv[1:] == ["png"] else "svg")
