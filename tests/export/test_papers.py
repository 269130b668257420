from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html import escape
from typing import Any

import altair
import pytest
from hypothesis import given

from core import presets
from core.errors import ExportError
from core.export import chart, html, latex, markdown
from core.export.export_result import ExportSource
from core.export.rows import rate, rows
from core.export.targets import TARGETS
from core.models import layer_table
from core.schedule import budget, curves
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from tests.export.thrice import SCHEDULES, STEPS
from tests.schedule.strategies import schedules

TABLE = layer_table.load("torchvision/resnet18")
ESCAPED = {"markdown": markdown.escaped, "latex": latex.escaped, "html": escape}
SOURCES = {name: ExportSource(schedule, STEPS, TABLE) for name, schedule in SCHEDULES.items()}


@pytest.mark.parametrize("name", SOURCES)
def test_the_chart_draws_the_laws_rates_and_altair_takes_it(name: str):
    source = SOURCES[name]
    content = chart.export(source).content
    assert isinstance(content, str)
    altair.Chart.from_dict(json.loads(content))
    drawn = json.loads(content)["vconcat"][1]["data"]["values"]
    for row in drawn:
        if row["epoch"] < source.schedule.epochs:
            group = source.schedule.group(row["group"])
            step = round(row["epoch"] * STEPS)
            t = curves.time_of_step(source.schedule, step, STEPS)
            assert row["rate"] == float(curves.lr(source.schedule, group, t))


@pytest.mark.thorough
@given(schedules(max_epochs=5, max_groups=3))
def test_any_schedule_has_a_chart_and_tables(schedule: Schedule):
    source = ExportSource(schedule, 3)
    altair.Chart.from_dict(chart.vega_lite(schedule, 3))
    for made in (markdown.export(source), latex.export(source)):
        assert isinstance(made.content, str)
        assert made.content.endswith("\n")


def _with_other_layers(raw: dict[str, Any]) -> None:
    first, second, *_ = raw["groups"]
    first["modules"], second["modules"] = second["modules"], first["modules"]


def _with_other_optimizer(raw: dict[str, Any]) -> None:
    raw["optimizer"]["weight_decay"] = 0.3


@pytest.mark.parametrize(
    ("target", "field", "change"),
    [
        ("csv", "optimizer", _with_other_optimizer),
        ("csv", "optimizer", _with_other_layers),
        *((name, "optimizer", _with_other_optimizer) for name in ("vega-lite", "png", "svg")),
        *((name, "groups[].modules", _with_other_layers) for name in ("vega-lite", "png", "svg")),
    ],
)
def test_what_is_declared_as_lost_makes_no_difference_to_the_file(
    target: str, field: str, change: Callable[[dict[str, Any]], None]
):
    raw = to_raw(SCHEDULES["exercise"])
    change(raw)
    one, other = (
        TARGETS[target].make(ExportSource(schedule, STEPS, TABLE))
        for schedule in (SCHEDULES["exercise"], from_raw(raw))
    )
    assert field in [each.field for each in one.limitations]
    assert one.content == other.content


@pytest.mark.parametrize("target", ["markdown", "latex", "html"])
def test_tables_have_no_rate_of_a_single_step_as_declared(target: str):
    one, other = (
        TARGETS[target].make(ExportSource(SCHEDULES["exercise"], steps, TABLE)) for steps in (5, 7)
    )
    assert "lr" in [each.field for each in one.limitations]
    tables = [
        re.sub("<svg.*</svg>", "", str(made.content), flags=re.DOTALL) for made in (one, other)
    ]
    assert tables[0] == tables[1]


def test_pictures_are_pictures():
    source = SOURCES["exercise"]
    content = chart.png(source).content
    assert isinstance(content, bytes)
    assert content.startswith(b"\x89PNG")
    svg = chart.svg(source).content
    assert isinstance(svg, str)
    assert svg.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    assert ElementTree.fromstring(svg.encode()).tag.endswith("}svg")
    assert all(group.name in svg for group in source.schedule.groups)


@pytest.mark.parametrize("name", SOURCES)
def test_tables_have_the_plans_epochs_and_peaks(name: str):
    source = SOURCES[name]
    lines = str(markdown.export(source).content).splitlines()
    for row in rows(source):
        (line,) = [line for line in lines if line.startswith(f"| {row.name} |")]
        assert line.endswith(f"| {row.parameters:,} | {rate(row.peak)} | {row.trains()} |")
    by_name = {row.name: row.trains() for row in rows(SOURCES["gradual with restart"])}
    assert by_name["layer4"] == "1, 4 to 5"
    assert by_name["stem"] == "never"
    assert by_name["head"] == "0 to 5"


def test_a_rate_in_latex_is_a_power_of_ten():
    text = str(latex.export(SOURCES["exercise"]).content)
    assert "$10^{-8}$" in text
    assert "$10^{-3}$" in text
    assert r"\end{tabular}" in text


def test_the_report_tells_budget_problems_and_audit_and_loads_nothing():
    schedule = presets.load("exercise")
    told = (("rates", "640 steps, largest relative difference 0"),)
    page = str(html.export(ExportSource(schedule, STEPS, TABLE, told)).content)
    shares = budget.budgets(schedule)
    assert shares[-1] is not None
    assert f"<td>{shares[-1].learning:.0%}</td>" in page
    assert "rising-lr" in page
    assert "640 steps, largest relative difference 0" in page
    assert "default-src 'none'" in page
    addresses = {part.split('"')[0] for part in page.split('="http')[1:]}
    assert addresses <= {"://www.w3.org/2000/svg", "://www.w3.org/1999/xlink"}


@pytest.mark.parametrize("target", ESCAPED)
def test_what_cites_a_run_has_each_of_its_facts(target: str):
    facts = (("data", "cats & dogs: 40 images to train"), ("seed", "31337"), ("device", "CPU_1"))
    schedule = presets.load("exercise")
    with_run, without = (
        str(TARGETS[target].make(ExportSource(schedule, STEPS, TABLE, run)).content)
        for run in (facts, ())
    )
    for what, value in facts:
        assert what in with_run
        assert ESCAPED[target](value) in with_run
        assert ESCAPED[target](value) not in without
    assert {name for name, each in TARGETS.items() if each.cites_run} == {*ESCAPED}


def test_the_report_says_what_it_was_not_given():
    made = html.export(ExportSource(presets.load("exercise"), STEPS))
    assert [each.field for each in made.limitations] == ["lr", "model.name", "the run"]
    assert "No run is cited." in str(made.content)
    full = html.export(ExportSource(presets.load("exercise"), STEPS, TABLE))
    assert "model.name" not in [each.field for each in full.limitations]
    for group in presets.load("exercise").groups:
        size = f"{layer_table.count_elements(TABLE, group.modules):,}"
        assert size in str(full.content)
        assert size not in str(made.content)


def test_a_picture_of_more_groups_than_can_be_told_apart_is_refused():
    raw = to_raw(presets.load("exercise"))
    raw["lr"]["group_decay"] = 1.0
    raw["groups"] = [
        {"name": f"g{at}", "modules": [f"block{at}"], "trainable": [[0, None]]} for at in range(129)
    ]
    with pytest.raises(ExportError, match="groups are 129: merge some"):
        chart.vega_lite(from_raw(raw), STEPS)
