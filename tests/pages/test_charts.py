"""Every chart of every page tells, under the pointer, what it draws: in words, and as people write.

A tooltip of a line's own would be that of its first point, so a rule that is nearest has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

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
    """A chart's document, and its data sets by their names."""

    name: str
    spec: dict[str, Any]
    tables: Mapping[str, pa.Table]


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
    return [_chart(f"{name} {each.proto.id}", each.proto) for each in app.get("vega_lite_chart")]


def _chart(name: str, proto: Any) -> Chart:
    tables = {each.name: _table(each.data.data) for each in proto.datasets}
    return Chart(name, json.loads(proto.spec), tables)


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


@pytest.fixture
def charts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Chart]:
    """The charts of every page that has some, with and without data."""
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.delenv("THAW_DEMO", raising=False)
    one, two = (finished_run(tmp_path, name, GRADUAL, [0.5, 0.75]) for name in ("one", "two"))
    loop = parse_record(record_json(recorded_of(GRADUAL, 31), "My loop"))
    record = {"own:0": ("record", loop)}
    found = [
        of_page("design"),
        of_page("run"),
        of_page("run", run=trained(tmp_path)),
        of_page("compare", one, two),
        of_page("compare", one, "own:0", brought=record, compare_view="side by side"),
        of_page("learn", step="warmup"),
    ]
    assert all(found)
    return [chart for of_one in found for chart in of_one]


def tooltips(unit: dict[str, Any]) -> list[dict[str, Any]]:
    found = unit.get("encoding", {}).get("tooltip", [])
    return found if isinstance(found, list) else [found]


def rows_of(unit: dict[str, Any], chart: Chart) -> pa.Table:
    return chart.tables[unit.get("data", chart.spec.get("data", {}))["name"]]


def test_every_chart_has_a_reading_in_words_and_no_field_that_only_its_code_knows(
    charts: list[Chart],
) -> None:
    for chart in charts:
        readings = 0
        assert chart.spec["config"]["mark"] == {"tooltip": None}, chart.name
        for unit in units(chart.spec):
            mark = unit["mark"]
            named = tooltips(unit)
            readings += bool(named)
            assert mark["type"] != "line" or not named, chart.name
            for field in named:
                assert field["title"][0].isupper(), (chart.name, field)
                assert field["type"] == "nominal" or field["format"], (chart.name, field)
            if mark.get("tooltip"):
                assert mark["tooltip"] == {"content": "data"}
                table = rows_of(unit, chart)
                readings += 1
                assert not {*table.column_names} & OWN_NAMES, chart.name
                assert not (table.schema.pandas_metadata or {}).get("index_columns"), chart.name
                for column in table.column_names:
                    assert column[0].isupper() or column.startswith("\u2060"), column
                    assert column in ("Epoch", "Step") or table[column].type in (
                        pa.string(),
                        pa.large_string(),
                    )
        for channel in ("x", "y"):
            fields = [unit.get("encoding", {}).get(channel, {}) for unit in units(chart.spec)]
            axes = [field.get("axis", {}) for field in fields if "field" in field]
            assert any(axis is None or "title" in axis for axis in axes), (chart.name, channel)
        drawn = any(table.num_rows for table in chart.tables.values())
        assert readings or not drawn, chart.name
