"""Groups of one part of the model fold into one row, which changes nothing but what is seen."""

from __future__ import annotations

from typing import Any

import pytest

from core import presets
from core.models import layer_table, regroup
from core.schedule import edits
from core.schedule.spec import Schedule
from pages.components.design.timeline.data import rows
from pages.components.design.timeline.events import ViewEvent, read_event
from tests.components.design.timeline.bench import drawn, play, schedule

TABLE = layer_table.load("torchvision/resnet18")
BLOCKS = regroup.choose_grouping(edits.use_model(presets.load("gradual"), TABLE), TABLE, "blocks")
SEEN = """
const seen = () => [...t.root().all()]
    .filter((node) => node.classList.contains("group") && !("hidden" in node.attributes)).length;
"""


def renamed(names: dict[str, str]) -> Schedule:
    given = schedule()
    groups = [g.model_copy(update={"name": names.get(g.name, g.name)}) for g in given.groups]
    return given.model_copy(update={"groups": tuple(groups)})


def stages(given: Schedule) -> dict[str, Any]:
    return {stage["name"]: stage["groups"] for stage in drawn(given)["stages"]}


def test_blocks_of_a_stage_are_one_and_the_head_comes_first() -> None:
    found = stages(BLOCKS)
    assert list(found) == ["layer4", "layer3", "layer2", "layer1"]
    assert found["layer4"] == ["layer4.1", "layer4.0"]


def test_only_neighbours_are_a_stage_and_a_group_alone_is_none() -> None:
    assert stages(schedule()) == {}
    apart = renamed({"layer1": "body.1", "layer3": "body.3"})
    assert stages(apart) == {}
    together = renamed({"layer1": "body.1", "layer2": "body.2"})
    assert stages(together) == {"body": ["body.2", "body.1"]}


def test_the_triangle_folds_a_stage_into_one_row_and_back_and_only_the_view_is_told() -> None:
    script = (
        SEEN
        + """
        const before = seen();
        t.click("fold");
        t.wait(200);
        const folded = [seen(), t.find("layer4, 2 groups").getAttribute("aria-expanded")];
        t.answer();
        t.click("fold");
        t.wait(200);
        const sent = t.sent.map(({ kind, view }) => [kind, view.folded]);
        return { before, folded, after: seen(), sent };
        """
    )
    played = play(drawn(BLOCKS), script)
    assert (played["before"], played["after"]) == (10, 10)
    assert played["folded"] == [9, "false"]
    assert played["sent"] == [["view", ["layer4"]], ["view", []]]


@pytest.mark.parametrize("folded", [[], ["layer4"], ["layer1", "layer3"], ["gone"]])
def test_python_and_the_browser_count_the_same_rows(folded: list[str]) -> None:
    sent = drawn(BLOCKS, folded=folded)
    assert rows(sent) == play(sent, SEEN + "return seen();")
    assert rows(sent) == len(BLOCKS.groups) - len([f for f in folded if f != "gone"])


def test_what_is_folded_is_read_from_an_event() -> None:
    event = read_event({"kind": "view", "seq": 1, "view": {"folded": ["layer1"]}})
    assert isinstance(event, ViewEvent)
    assert event.view.folded == ("layer1",)
