"""Every chart of every page tells, under its crosshair, what it draws: in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from core import presets
from core.compare.comparable import Comparable
from core.records.io import record_json
from core.runs import event_log, predictions, run_folder
from core.runs import events as ev
from core.runs.predictions import Predictions
from core.runs.settings import RunSettings
from core.schedule import edits
from pages.components.shared.state import Compare, session_in
from tests.records.samples import parse_record, recorded_of
from tests.runs.made import finished_run

GRADUAL = edits.set_length(presets.load("gradual"), 2)
OWN_NAMES = {
    "x",
    "y",
    "t",
    "lr",
    "group",
    "span",
    "row",
    "letter",
    "label",
    "share",
    "trains",
    "last",
}
"""Columns that only the charts' code knows."""


class Chart(NamedTuple):
    """A chart's document, its data sets by their names, and what its crosshair reads."""

    name: str
    spec: dict[str, Any]
    tables: Mapping[str, pa.Table]
    reading: dict[str, Any] | None


def of_page(
    name: str,
    *slots: str,
    brought: Mapping[str, tuple[str, Comparable]] | None = None,
    **state: str,
) -> list[Chart]:
    """All charts of a page for a session with those sources in its slots.

    `state` is its address, or switches that it has set.
    """

    def script(name: str) -> None:
        import importlib

        import streamlit as st

        from pages.components.shared import frame

        frame.dress()
        page = importlib.import_module(f"pages.{name}")
        frame.navigate({name: st.Page(page.page, title=name, url_path=name, default=True)})

    app = AppTest.from_function(script, default_timeout=120, kwargs={"name": name})
    for key, value in state.items():
        if key in ("run", "step"):
            app.query_params[key] = value
        else:
            app.session_state[key.replace("_", "-")] = value
    if slots:
        session_in(app.session_state).compare = Compare([*slots], brought or {})
    app.run()
    assert not app.exception, app.exception
    return [chart for block in _blocks(app.main) for chart in _charts(name, block)]


def _blocks(block: Block) -> Iterator[Block]:
    yield block
    for child in block.children.values():
        if isinstance(child, Block):
            yield from _blocks(child)


def _charts(page: str, block: Block) -> Iterator[Chart]:
    """The charts that a block itself holds; a crosshair in it is that of its only chart."""
    parts = [(child.type, child.proto) for child in block.children.values()]
    readings = [
        json.loads(proto.json)
        for kind, proto in parts
        if kind == "bidi_component" and proto.component_name == "thaw_crosshair"
    ]
    for kind, proto in parts:
        if kind == "vega_lite_chart":
            (reading,) = readings or [None]
            tables = {each.name: _table(each.data.data) for each in proto.datasets}
            name = f"{page}: {reading['label'] if reading else 'no crosshair'}"
            yield Chart(name, json.loads(proto.spec), tables, reading)


def _table(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def units(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts that draw one kind of mark each."""
    for kind in ("layer", "hconcat", "vconcat"):
        for each in spec.get(kind, ()):
            yield from units(each)
    if "mark" in spec:
        yield spec


def trained(home: Path) -> str:
    """A finished run with steps, epochs and predictions."""
    run = home / "runs" / "trained"
    run.parent.mkdir(exist_ok=True)
    run_folder.create(run, GRADUAL, RunSettings(samples=40, image_size=32))
    lrs = {group.name: 1e-3 for group in GRADUAL.groups}
    event_log.append(run, ev.Started(0.0, "cpu", "CPU", 2, 40, 2, ("a", "b"), 100, 0.5))
    for epoch in range(2):
        for step in (2 * epoch, 2 * epoch + 1):
            event_log.append(run, ev.Step(step, epoch, 1.0 / (1 + step), lrs))
        done = ev.EpochDone(epoch, ("head",), 10, 1.0, 0.5, 2.0, 0.75, 2.0, 9.0, 10**9)
        event_log.append(run, done)
    event_log.append(run, ev.Audit(4, 0.0, True))
    event_log.append(run, ev.Finished(9.0))
    told = Predictions(
        classes=("a", "b"), images=("0", "1"), true=(0, 1), predicted=(1, 1), confidence=(0.9, 0.8)
    )
    predictions.write(run / run_folder.PREDICTIONS, told)
    return run.name


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> list[Chart]:
    """The charts of every page that has some, with and without data."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("THAW_HOME", str(home))
        monkeypatch.delenv("THAW_DEMO", raising=False)
        one, two = (finished_run(home, name, GRADUAL, [0.5, 0.75]) for name in ("one", "two"))
        loop = parse_record(record_json(recorded_of(GRADUAL, 31), "My loop"))
        record = {"own:0": ("record", loop)}
        found = [
            of_page("design"),
            of_page("run"),
            of_page("run", run=trained(home)),
            of_page("compare", one, two),
            of_page("compare", one, "own:0", brought=record, compare_view="side by side"),
            of_page("learn", step="warmup"),
        ]
    assert all(found)
    return [chart for of_one in found for chart in of_one]


def tooltips(unit: dict[str, Any]) -> list[dict[str, Any]]:
    found = unit.get("encoding", {}).get("tooltip", [])
    return found if isinstance(found, list) else [found]


def test_every_chart_over_time_has_a_crosshair_that_reads_each_line_in_words(
    charts: list[Chart],
) -> None:
    names = [chart.name for chart in charts if chart.reading is None]
    assert names == ["run: no crosshair"]  # the confusion, whose cells have a tooltip each
    for chart in charts:
        if (reading := chart.reading) is None:
            continue
        (low, high), x = reading["ends"], reading["x"]
        assert low <= x[0]
        assert x[-1] <= high
        assert all(a < b for a, b in pairwise(x)), chart.name
        assert reading["unit"][0].isupper()
        assert reading["label"][0].isupper()
        for place in reading["places"]:
            assert re.match(r"(Epoch )?[\d.]+( seconds)?( · |\n|$)", place), chart.name
            assert ("phase" in place) != chart.name.startswith("compare: Validation"), chart.name
        for line in reading["lines"]:
            assert line["name"] not in OWN_NAMES, chart.name
            assert re.fullmatch(r"#[0-9A-Fa-f]{6}", line["colour"]), chart.name
            assert len(line["values"]) == len(reading["places"]) == len(x)
            assert all(re.match(r"\d|–|none yet", value) for value in line["values"]), chart.name


def test_no_chart_has_a_field_that_only_its_code_knows(charts: list[Chart]) -> None:
    for chart in charts:
        assert chart.spec["config"]["mark"] == {"tooltip": None}, chart.name
        assert "params" not in chart.spec, chart.name
        for unit in units(chart.spec):
            assert "tooltip" not in unit["mark"], chart.name
            for field in tooltips(unit):
                assert chart.reading is None, chart.name
                assert field["title"][0].isupper(), (chart.name, field)
                assert field["type"] == "nominal" or field["format"], (chart.name, field)
        for channel in ("x", "y"):
            fields = [unit.get("encoding", {}).get(channel, {}) for unit in units(chart.spec)]
            axes = [field.get("axis", {}) for field in fields if "field" in field]
            assert any(axis is None or "title" in axis for axis in axes), (chart.name, channel)


def test_the_lines_of_a_chart_are_named_beside_it_below_it_or_in_its_heading(
    charts: list[Chart],
) -> None:
    """Vega's legends take columns that are as wide as the longest name, and leave some out."""
    for chart in charts:
        for unit in units(chart.spec):
            scales = [field for field in unit.get("encoding", {}).values() if "scale" in field]
            assert all(field.get("legend") is None for field in scales), chart.name
