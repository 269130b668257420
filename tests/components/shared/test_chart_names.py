"""A chart is the same whatever its groups are called, also by a word of JavaScript or of Vega."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from core import presets
from core.export import drawing
from core.runs.progress import RunProgress
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from pages.components.run import charts
from pages.components.shared.chart_style import View
from pages.components.shared.rates.chart import rate_chart, rate_reading

WORDS = ("__proto__", "constructor", "title", "image", "toString", "Epoch", "null", "1")
PLAIN = ("stem", "layer1", "layer2", "layer3", "layer4", "head")


def named(*names: str) -> Schedule:
    raw = to_raw(presets.load("exercise"))
    for group, name in zip(raw["groups"], names, strict=True):
        group["name"] = name
    return from_raw(raw)


def with_rows(chart: dict[str, Any]) -> dict[str, Any]:
    """The chart with its tables as rows."""
    tables = chart["datasets"].items()
    rows = {name: t.to_pylist() if isinstance(t, pa.Table) else t for name, t in tables}
    return {**chart, "datasets": rows}


def rates(schedule: Schedule, view: View) -> dict[str, Any]:
    return with_rows(rate_chart(schedule, 4, 2.0, view))


def of_a_run(schedule: Schedule, view: View) -> dict[str, Any]:
    return with_rows(charts._rates(schedule, RunProgress(), 4, view))


def marks(chart: dict[str, Any]) -> list[str]:
    """The shapes of the marks of a drawn chart, with their colours; a legend's not among them."""
    svg = drawing.draw({**chart, "width": 600, "autosize": "pad"}, "svg").decode()
    kinds = re.findall(r'<g class="mark-(?:line|symbol) role-mark[^"]*"[^>]*>(.*?)</g>', svg)
    drawn = [path for kind in kinds for path in re.findall("<path[^>]*>", kind)]
    return [re.sub('aria-label="[^"]*"', "", path) for path in drawn]


@cache
def usual_marks(chart: Any, *, narrow: bool) -> list[str]:
    return marks(chart(named(*PLAIN), View(narrow=narrow)))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("chart", [rates, of_a_run])
@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
def test_a_chart_has_the_same_lines_whatever_a_group_is_called(
    word: str, chart: Any, narrow: bool
) -> None:
    usual = usual_marks(chart, narrow=narrow)
    assert len(usual) >= 4
    assert marks(chart(named(*PLAIN[:-1], word), View(narrow=narrow))) == usual


def test_a_reading_has_a_line_for_every_group_whatever_it_is_called() -> None:
    names = ("__proto__", "constructor", "title", "image", "Epoch", "1")
    lines, usual = (rate_reading(named(*each), 4, View())["lines"] for each in (names, PLAIN))
    assert [line["name"] for line in lines] == [*reversed(names)]
    assert [line["values"] for line in lines] == [line["values"] for line in usual]
