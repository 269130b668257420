"""Charts are drawn alike here and in a process of their own, which is bounded."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import presets
from core.errors import ExportError
from core.export import chart, drawing, isolated

ROOT = Path(__file__).parents[2]
CHART = chart.vega_lite(presets.load("gradual"), 32)
_DRAWN = """
import sys
from core import presets
from core.export import drawing, targets
from core.export.exported import ExportSource
for name in ("png", "svg", "html"):
    source = ExportSource(presets.load("gradual"), 32, draw=getattr(drawing, sys.argv[1]))
    targets.export(name, source)
print("vl_convert" in sys.modules)
"""


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_chart_drawn_apart_has_the_same_bytes(kind: drawing.Kind) -> None:
    assert drawing.draw_isolated(CHART, kind) == drawing.draw(CHART, kind)


@pytest.mark.thorough
@pytest.mark.parametrize(("draw", "loaded"), [("draw_isolated", "False"), ("draw", "True")])
def test_what_draws_apart_never_holds_what_draws(draw: str, loaded: str) -> None:
    command = [sys.executable, "-c", _DRAWN, draw]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == loaded


def test_who_waits_for_others_waits_no_longer_than_the_work_may_take() -> None:
    def sleep(asleep: float, most: int) -> bytes:
        code = f"import time; time.sleep({asleep})"
        return isolated.run("timeit", "-n1", "-r1", code, content=b"", seconds=most)

    with ThreadPoolExecutor() as pool:
        first = pool.submit(sleep, 3.0, 30)
        time.sleep(1.0)
        with pytest.raises(isolated.UnfinishedError, match="waited 1 s for others"):
            sleep(0.0, 1)
        assert b"1 loop" in first.result()
    assert b"1 loop" in sleep(0.0, 30)


def test_a_chart_that_takes_too_much_memory_is_refused_and_the_next_is_drawn() -> None:
    numbers = {"sequence": {"start": 0, "stop": 1e9}}
    hungry = {**chart.vega_lite(presets.load("gradual"), 2), "data": numbers}
    hungry["vconcat"] = [{"mark": "point", "encoding": {"x": {"field": "data"}}}]
    with pytest.raises(ExportError, match=r"^chart could not be drawn .*or take it as vega-lite$"):
        drawing.draw_isolated(hungry, "svg")
    assert drawing.draw_isolated(CHART, "svg").startswith(b"<svg")
