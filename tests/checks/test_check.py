"""What holds for all problems: order, codes, places, and that fixes keep their promise."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from core import checks
from core.checks import CHECKS, MAX_OF_A_KIND, Problem, ScheduleFacts
from core.models import layer_table
from core.schedule.parse import dumps, parse
from core.schedule.spec import Schedule
from tests.checks.small import RESNET18, body, group, schedule
from tests.schedule.strategies import real_schedules, schedules

batch_sizes = st.sampled_from([None, 1, 7, 8, 32])


def test_errors_come_before_warnings_and_warnings_before_hints():
    bad = schedule(
        body([]), group("head", "fc", "layer4", trains=[[0, 1]]), lr={"warmup": {"epochs": 9}}
    )
    told = [(problem.severity, problem.code) for problem in checks.problems(bad, RESNET18)]
    assert told == [
        ("error", "nested-path"),
        ("error", "idle-epochs"),
        ("warning", "long-warmup"),
        ("hint", "never-trains"),
    ]
    assert [problem.code for problem in checks.errors(bad)] == ["nested-path", "idle-epochs"]


def test_of_thousands_of_wrong_paths_twenty_are_told():
    many = [f"a{i}" for i in range(20_000)]
    told = checks.problems(schedule(body(), group("head", "fc", *many, *many)), RESNET18)
    codes = [problem.code for problem in told]
    assert codes.count("unknown-path") == codes.count("nested-path") == MAX_OF_A_KIND


@given(schedules() | real_schedules(), batch_sizes)
def test_a_problem_has_the_code_of_its_check_and_points_to_groups_that_are_there(
    bad: Schedule, batch_size: int | None
):
    facts = ScheduleFacts(bad, layer_table.find_stored(bad.model.name), batch_size)
    names = [group.name for group in bad.groups]
    for code, check in CHECKS.items():
        for problem in check.find(facts):
            assert problem.code == code
            assert set(problem.groups) <= set(names)
            place = re.match(r"groups\[(\d+)\]", problem.path)
            assert place is None or names[int(place[1])] in problem.groups


def keys(told: tuple[Problem, ...]) -> set[tuple[str, str]]:
    return {(problem.code, problem.path) for problem in told}


def of(bad: Schedule, batch_size: int | None) -> tuple[Problem, ...]:
    return checks.problems(bad, layer_table.find_stored(bad.model.name), batch_size)


def check_fixes(bad: Schedule, batch_size: int | None, choose: st.DataObject) -> None:
    """Each fix removes its problem and adds no error; taking any again and again ends."""
    told = of(bad, batch_size)
    assert len(keys(told)) == len(told), "a page keys its items by these"
    for problem in told:
        if problem.fix is not None:
            mended = problem.fix.schedule
            left = of(mended, batch_size)
            assert parse(dumps(mended)) == mended
            assert mended != bad
            assert (problem.code, problem.path) not in keys(left)
            errors = {problem.code for problem in left if problem.severity == "error"}
            assert errors <= {problem.code for problem in told if problem.severity == "error"}
    rounds = 0
    while fixes := [problem.fix for problem in told if problem.fix is not None]:
        rounds += 1
        assert rounds <= 2 * len(CHECKS) + len(bad.groups)
        told = of(choose.draw(st.sampled_from(fixes)).schedule, batch_size)


@given(schedules(), batch_sizes, st.data())
def test_every_fix_removes_its_problem_adds_no_error_and_fixing_ends(
    bad: Schedule, batch_size: int | None, choose: st.DataObject
):
    check_fixes(bad, batch_size, choose)


@given(real_schedules(), batch_sizes, st.data())
def test_fixes_keep_their_promise_for_real_models_with_their_layer_tables(
    bad: Schedule, batch_size: int | None, choose: st.DataObject
):
    errors = checks.errors(bad, layer_table.find_stored(bad.model.name))
    assert keys(errors) <= {("idle-epochs", "groups")}
    check_fixes(bad, batch_size, choose)


@given(schedules(), batch_sizes)
def test_a_message_says_field_what_is_wrong_and_the_way_out_in_one_line(
    bad: Schedule, batch_size: int | None
):
    for problem in checks.problems(bad, RESNET18, batch_size):
        wrong, colon, way_out = problem.message.rpartition(": ")
        assert (bool(wrong), colon, bool(way_out)) == (True, ": ", True)
        assert "\n" not in problem.message
        first = problem.path.split("[")[0].split(".")[0]
        assert first in {"model", "lr", "groups", "optimizer"}
