"""No name of a schedule can end the place where it stands in an exported text.

An export with hostile names has the same structure as one with plain names: the same code but for
its literals, the same elements, the same cells, the same commands.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import altair
import pytest
import yaml

from core.errors import InputError, one_line
from core.export import csv as table
from core.export import targets
from core.export.export_result import ExportSource
from core.models import layer_table
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from tests.export.thrice import SCHEDULES, STEPS

TABLE = layer_table.load("torchvision/resnet18")
HOSTILE = (
    "it's \"\"\"a\"\"\" '''b''' \\",
    "{0} {name} %s %(prog)s ${x} {{ lr }} {% raw %}",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)> <!-- ]]> -->",
    "a | b `c` *d* [e](http://f.g) &amp; #h",
    r"\end{table}\input{/etc/passwd} $x^2_3$ ~%",
    "\u2028import os\u2029\u200b",
    "日本語 🧊 ñ",
    "- a: [b, {c: d}] # e",
    "FILE www.a.b WWW.c import FILE",
    "=1+1",
    "__proto__",
    "constructor",
)
ROUNDS = [HOSTILE[at:] + HOSTILE[:at] for at in range(0, len(HOSTILE), 3)]
"""The hostile names in turn, so that each stands for the schedule, for groups and for weights."""


def named(name: str, *groups: str) -> Schedule:
    raw = to_raw(SCHEDULES["exercise"])
    raw["name"] = name
    raw["model"]["weights"] = groups[-1]
    for group, own in zip(raw["groups"], groups, strict=False):
        group["name"] = own
    return from_raw(raw)


def exported(target: str, schedule: Schedule) -> str:
    """Made without a look for errors, so that weights may have any name too."""
    content = targets.by_name(target).make(ExportSource(schedule, STEPS, TABLE)).content
    assert isinstance(content, str)
    return content


def plain() -> Schedule:
    return named("name", *(f"group{at}" for at in range(6)))


def of_language(language: str | None) -> list[str]:
    return [name for name, target in targets.TARGETS.items() if target.language == language]


def skeleton(code: str) -> str:
    """The code without its comments and with every text literal blank."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def texts(code: str) -> list[str]:
    return [
        node.value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("target", of_language("python"))
@pytest.mark.parametrize("names", ROUNDS)
def test_python_code_is_the_same_but_for_its_literals(target: str, names: tuple[str, ...]):
    schedule = named(*names)
    code = exported(target, schedule)
    assert skeleton(code) == skeleton(exported(target, plain()))
    assert len(code.splitlines()) == len(code.split("\n")) - 1
    assert one_line(code.replace("\n", "")) == code.replace("\n", "")


@pytest.mark.parametrize("target", ["pytorch", "module"])
@pytest.mark.parametrize("names", ROUNDS)
def test_python_code_holds_the_names_as_they_are(target: str, names: tuple[str, ...]):
    schedule = named(*names)
    found = set(texts(exported(target, schedule)))
    assert {g.name for g in schedule.groups} <= found
    assert target != "pytorch" or schedule.model.weights in found


@pytest.mark.parametrize("weights", HOSTILE)
def test_a_script_for_a_model_of_timm_holds_the_name_of_its_weights_as_it_is(weights: str):
    def script(weights: str) -> str:
        raw = to_raw(plain())
        raw["model"] = {"name": "timm/resnet18", "weights": weights}
        return exported("pytorch", from_raw(raw))

    assert skeleton(script(weights)) == skeleton(script("weights"))
    assert texts(script(weights)).count(f"resnet18.{weights}") == 2


@pytest.mark.parametrize("names", ROUNDS)
def test_phases_are_the_same_and_so_is_the_code_that_runs_them(names: tuple[str, ...]):
    target = targets.by_name("finetuning-scheduler")
    odd, usual = (
        target.make(ExportSource(schedule, STEPS, TABLE)) for schedule in (named(*names), plain())
    )
    assert yaml.safe_load(odd.content) == yaml.safe_load(usual.content)
    code, usual_code = (targets.usage(target, made, "a.yaml") for made in (odd, usual))
    assert skeleton(code) == skeleton(usual_code)


@pytest.mark.parametrize("names", ROUNDS)
def test_a_csv_table_reads_the_names_back(names: tuple[str, ...]):
    schedule = named(*names)
    read = csv.DictReader(io.StringIO(exported("csv", schedule), newline=""))
    assert [row["group"] for row in read][:6] == [table.cell(g.name) for g in schedule.groups]


@pytest.mark.parametrize("names", ROUNDS)
def test_vega_lite_holds_the_names_as_data_alone(names: tuple[str, ...]):
    schedule = named(*names)
    document = json.loads(exported("vega-lite", schedule))
    altair.Chart.from_dict(document)
    assert document["params"] == [{"name": "schedule_name", "value": schedule.name}]

    def without_text(value: object) -> object:
        if isinstance(value, dict):
            return {key: without_text(each) for key, each in value.items()}
        if isinstance(value, list):
            return [without_text(each) for each in value]
        return "" if isinstance(value, str) else value

    assert without_text(document) == without_text(json.loads(exported("vega-lite", plain())))


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def elements(page: str) -> _Elements:
    parser = _Elements()
    parser.feed(page)
    parser.close()
    return parser


@pytest.mark.parametrize("names", ROUNDS)
def test_a_web_page_has_the_same_elements_and_shows_the_names(names: tuple[str, ...]):
    schedule = named(*names)
    found = elements(exported("html", schedule))
    assert found.seen == elements(exported("html", plain())).seen
    assert not {"script", "img", "iframe", "link"} & {tag for tag, _ in found.seen}
    for group in schedule.groups:
        assert one_line(group.name) in found.text


@pytest.mark.parametrize("names", ROUNDS)
def test_an_svg_has_the_same_elements(names: tuple[str, ...]):
    def tags(text: str) -> list[str]:
        return [element.tag for element in ElementTree.fromstring(text).iter()]

    assert tags(exported("svg", named(*names))) == tags(exported("svg", plain()))


@pytest.mark.parametrize("names", ROUNDS)
def test_a_png_is_drawn_with_the_names(names: tuple[str, ...]):
    made = targets.export("png", ExportSource(named(*names), STEPS, TABLE))
    assert isinstance(made.content, bytes)
    assert made.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("names", ROUNDS)
def test_a_markdown_table_has_the_same_cells_and_no_links(names: tuple[str, ...]):
    text = re.sub(r"\\.", "", exported("markdown", named(*names)))
    usual = re.sub(r"\\.", "", exported("markdown", plain()))
    for sign in "|`*<[&#\n":
        assert text.count(sign) == usual.count(sign), sign
    assert "www." not in exported("markdown", named(*names)).lower()  # a link without brackets


@pytest.mark.parametrize("names", ROUNDS)
def test_a_latex_table_has_the_same_commands_of_structure(names: tuple[str, ...]):
    def structure(text: str) -> list[str]:
        code = "\n".join(line for line in text.split("\n") if not line.startswith("%"))
        found = re.findall(r"\\(?:begin|end|input|caption|toprule|\\)|(?<!\\)[&$#^~%]", code)
        return [each for each in found if each]

    text = exported("latex", named(*names))
    assert structure(text) == structure(exported("latex", plain()))
    depth = 0
    for sign in re.sub(r"\\[{}]", "", text.split("\n", 1)[1]):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0


def test_no_door_lets_a_line_break_into_a_name():
    with pytest.raises(InputError, match="name"):
        named("a\nimport os", "group")
