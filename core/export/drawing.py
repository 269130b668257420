"""A Vega-Lite chart drawn as SVG or PNG, in this process or in one of its own.

It takes neither browser nor network. Vega runs in a JavaScript engine, which keeps 100 MB of the
memory of a process in which it has run.

    python -m core.export.drawing svg < chart.json > chart.svg
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, Literal

from core.errors import ExportError
from core.files.home import CODE

Kind = Literal["svg", "png"]
Draw = Callable[[dict[str, Any], Kind], bytes]
"""A function that returns the chart as a picture of that kind: UTF-8 text, or a PNG."""

SECONDS = 30
"""Limit of the time that a process takes to draw, and of the time to wait for others."""
_BYTES = 1_000_000_000
"""Limit of its data; Vega reserves 600 MB of it without using them."""
_PIXELS = 2
"""Pixels of a PNG for each pixel of the chart, for dense screens and paper."""
_ONE_AT_A_TIME = threading.Lock()


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

    One process draws at a time. Raises ExportError if the limits do not suffice.
    """
    if not _ONE_AT_A_TIME.acquire(timeout=SECONDS):
        raise _undrawn(f"(waited {SECONDS} s for others)")
    try:
        process = subprocess.run(
            [sys.executable, "-m", __name__, kind],
            cwd=CODE,
            input=json.dumps(chart).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _undrawn(f"in {SECONDS} s") from None
    except OSError as error:
        raise _undrawn(f"({error.strerror})") from None
    finally:
        _ONE_AT_A_TIME.release()
    if process.returncode != 0:
        raise _undrawn(f"(its process ended with {process.returncode})")
    return process.stdout


def _undrawn(why: str) -> ExportError:
    return ExportError("chart", f"could not be drawn {why}", "try again, or take it as vega-lite")


def _limit_resources() -> None:
    """Limit this process itself, if the system can, since it outlives a server that is killed."""
    if sys.platform != "win32":
        import resource

        for resource_kind, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_DATA, _BYTES)):
            hard = resource.getrlimit(resource_kind)[1]
            lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource_kind, (lower, hard))


def main(kind: Kind) -> None:
    """Draw the chart on standard input, as JSON, onto standard output."""
    _limit_resources()
    sys.stdout.buffer.write(draw(json.load(sys.stdin.buffer), kind))


if __name__ == "__main__":
    main("png" if sys.argv[1:] == ["png"] else "svg")
