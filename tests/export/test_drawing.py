"""Charts are drawn alike here and in a process of their own, which is bounded."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import presets
from core.errors import ExportError
from core.export import chart, drawing

ROOT = Path(__file__).parents[2]
CHART = chart.vega_lite(presets.load("gradual"), 32)
_DRAWN = """
import sys
from core import presets
from core.export import drawing, targets
from core.export.export_result import ExportSource
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


def test_who_waits_for_others_waits_no_longer_than_the_work_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, program = tmp_path / "drawn", tmp_path / "python"
    os.mkfifo(drawn)
    program.write_text(f"#!/bin/sh\ncat {shlex.quote(str(drawn))}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(drawing.draw_isolated, CHART, "svg")
        with drawn.open("wb") as pipe:  # which opens once the first process reads from it
            monkeypatch.setattr(drawing, "SECONDS", 0.1)
            with pytest.raises(ExportError, match=r"waited 0.1 s for others"):
                drawing.draw_isolated(CHART, "svg")
            pipe.write(b"a picture")
        assert first.result() == b"a picture"
    monkeypatch.undo()
    assert drawing.draw_isolated(CHART, "svg").startswith(b"<svg")


@pytest.mark.thorough
def test_a_chart_that_takes_too_much_memory_is_refused_and_the_next_is_drawn() -> None:
    numbers = {"sequence": {"start": 0, "stop": 1e9}}
    hungry = {**chart.vega_lite(presets.load("gradual"), 2), "data": numbers}
    hungry["vconcat"] = [{"mark": "point", "encoding": {"x": {"field": "data"}}}]
    with pytest.raises(ExportError, match=r"^chart could not be drawn .*or take it as vega-lite$"):
        drawing.draw_isolated(hungry, "svg")
    assert drawing.draw_isolated(CHART, "svg").startswith(b"<svg")
