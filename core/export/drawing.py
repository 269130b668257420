"""A Vega-Lite chart drawn as SVG or PNG without browser or network: here, or in its own process.

Vega runs in a machine for JavaScript, which keeps 100 MB of the process that it has once run in.

    python -m core.export.drawing svg < chart.json > chart.svg
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from core.errors import ExportError

Kind = Literal["svg", "png"]
Draw = Callable[[dict[str, Any], Kind], bytes]
"""Gives the chart as a picture of that kind: UTF-8 text, or the bytes of a PNG."""

_CODE = Path(__file__).parents[2]
_PIXELS = 2
"""Pixels of a PNG for each of the chart's own, as sharp screens and paper want."""
_SECONDS = 30
"""A picture takes one or two."""
_BYTES = 1_000_000_000
"""What a drawing process may have for data; of that, 600 MB are set aside and not used."""
_ONE_AT_A_TIME = threading.Lock()


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
    command = [sys.executable, "-m", __name__, kind]
    text = json.dumps(chart).encode()
    with _ONE_AT_A_TIME:
        try:
            done = subprocess.run(
                command, cwd=_CODE, input=text, capture_output=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise _failed(f"in {_SECONDS} s") from None
        except OSError as error:
            raise _failed(f"({error.strerror})") from None
    if done.returncode != 0:
        raise _failed(f"(its process ended with {done.returncode})")
    return done.stdout


def _failed(why: str) -> ExportError:
    return ExportError("chart", f"could not be drawn {why}", "try again, or take it as vega-lite")


def _bound() -> None:
    """Bound this process, where the system can: it would outlive a server that is killed."""
    if sys.platform != "win32":
        import resource

        for limit, most in ((resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_DATA, _BYTES)):
            hard = resource.getrlimit(limit)[1]
            lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (lower, hard))


def main(kind: Kind) -> None:
    """Draw the chart on standard input, as JSON, onto standard output."""
    _bound()
    sys.stdout.buffer.write(here(json.load(sys.stdin.buffer), kind))


if __name__ == "__main__":
    main("png" if sys.argv[1:] == ["png"] else "svg")
