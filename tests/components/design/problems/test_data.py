from __future__ import annotations

import json

from hypothesis import given

from core.checks import Problem, problems
from core.models import layer_table
from core.schedule.spec import Schedule
from pages.components.design.problems.data import items, key, parts, sentence, summary
from tests.checks.small import ALL, body, group
from tests.checks.small import schedule as small
from tests.components.design.timeline.bench import schedule
from tests.schedule.strategies import schedules


def told(shown: Schedule) -> tuple[Problem, ...]:
    return problems(shown, layer_table.find_stored(shown.model.name))


def test_an_item_has_its_number_code_words_and_fix() -> None:
    late, cold, never = items(told(schedule()))
    assert (late["number"], cold["number"], never["number"]) == (1, 2, 3)
    assert (late["code"], late["severity"], late["fix"]) == ("late-thaw", "warning", "thaw at 4")
    assert late["parts"][0] == ("layer2", True)
    assert never["parts"][:3] == [("layer1", True), (" and ", False), ("stem", True)]
    assert (never["fix"], never["way_out"]) == (None, "Add a window if they should change")
    assert never["brief"] == "layer1 and stem"


def test_only_whole_names_of_the_problems_groups_stand_out() -> None:
    text = "a1 and a say that a (0.1) is a_b, not a.b"
    assert "".join(part for part, _ in parts(text, ["a"])) == text
    assert [part for part, is_name in parts(text, ["a"]) if is_name] == ["a", "a", "a"]
    assert parts("layer4.0 thaws", ["layer4", "layer4.0"])[0] == ("layer4.0", True)
    assert parts("no group", []) == [("no group", False)]


def test_a_field_is_called_as_the_page_calls_it() -> None:
    bad = small(
        body([[9, None]]),
        group("head", "fc", "layer4"),
        lr={"warmup": {"epochs": 9}, "decay": {"shape": "linear", "floor": {"lr": 1.0}}},
        optimizer={"weight_decay": 0.5},
    )
    assert [sentence(problem).split(" is ")[0] for problem in told(bad)] == [
        "A part of head",
        "body thaws at epoch 9, but the run has 4 epochs",
        "Warmup",
        "The floor",
        "Weight decay",
    ]


@given(schedules())
def test_no_sentence_begins_with_a_json_path(shown: Schedule) -> None:
    for problem in told(shown):
        assert problem.subject or not sentence(problem).startswith(problem.path)


@given(schedules())
def test_every_item_is_json_and_has_a_key_of_its_own(shown: Schedule) -> None:
    found = told(shown)
    assert len({key(problem) for problem in found}) == len(found)
    for problem, item in zip(found, items(found), strict=True):
        assert json.loads(json.dumps(item))["key"] == key(problem)
        assert "".join(part for part, _ in item["parts"]) == sentence(problem)


def test_the_summary_counts_by_severity() -> None:
    assert summary(told(schedule())) == "1 warning, 2 hints"
    assert summary(()) == "none"
    assert summary(told(small(group("all", *ALL, "fc", trains=[])))) == "1 error"
