"""A Vega-Lite chart drawn as SVG or PNG without browser or network: here, or in its own process.

Vega runs in a machine for JavaScript, which keeps 100 MB of the process that it has once run in.

    python -m core.export.drawing svg < chart.json > chart.svg
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Literal

from core.errors import ExportError
from core.export import bounded

Kind = Literal["svg", "png"]
Draw = Callable[[dict[str, Any], Kind], bytes]
"""Gives the chart as a picture of that kind: UTF-8 text, or the bytes of a PNG."""

_PIXELS = 2
"""Pixels of a PNG for each of the chart's own, as sharp screens and paper want."""


def here(chart: dict[str, Any], kind: Kind) -> bytes:
    """Draw it in this process."""
    import vl_convert  # 90 MB of code, which a server has no use for

    if kind == "png":
        png: bytes = vl_convert.vegalite_to_png(chart, scale=_PIXELS)
        return png
    svg: str = vl_convert.vegalite_to_svg(chart)
    return svg.encode()


def apart(chart: dict[str, Any], kind: Kind) -> bytes:
    """As `here`, in a process that ends with it and has bounded time and memory; one at a time.

    Raises ExportError where those do not suffice.
    """
    try:
        return bounded.run(__name__, kind, content=json.dumps(chart).encode())
    except bounded.UnfinishedError as why:
        way_out = "try again, or take it as vega-lite"
        raise ExportError("chart", f"could not be drawn {why}", way_out) from None


def main(kind: Kind) -> None:
    """Draw the chart on standard input, as JSON, onto standard output."""
    bounded.bound()
    sys.stdout.buffer.write(here(json.load(sys.stdin.buffer), kind))


if __name__ == "__main__":
    main("png" if sys.argv[1:] == ["png"] else "svg")
