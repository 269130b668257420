from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.compare.comparable import Comparable, learning, lr
from core.compare.schedules import alike, diff
from core.records.io import record_json
from core.records.model import Record
from core.records.recorded_loop import LoopGroup, ParamGroupOptions
from core.schedule import edits
from core.schedule.spec import Schedule
from tests.records.samples import parse_record, record_of, recorded_of, records
from tests.schedule.strategies import schedules

A = edits.set_length(presets.load("exercise-mended"), 8)


def said(a: Comparable, b: Comparable) -> list[str]:
    return [line.line for line in diff(a, b)]


def changed(change: Callable[[LoopGroup], dict[str, Any]]) -> Record:
    """The record of a loop as A has it, but for some fields of its groups."""
    recorded = recorded_of(A, 4)
    others = tuple(dataclasses.replace(group, **change(group)) for group in recorded.groups)
    return parse_record(record_json(dataclasses.replace(recorded, groups=others)))


@given(schedules(max_epochs=5))
def test_the_record_of_a_loop_that_follows_a_schedule_differs_in_nothing(schedule: Schedule):
    record = record_of(schedule, 3)
    assert said(schedule, record) == []
    assert said(record, schedule) == []
    assert said(record, record) == []
    assert set(alike(schedule, record)) >= {group.name for group in schedule.groups}


@given(st.lists(st.one_of(schedules(max_epochs=5), records()), min_size=2, max_size=2))
def test_any_two_are_told_apart_in_lines_of_words(two: list[Comparable]):
    lines = diff(*two)
    assert all(line.text.strip() and "nan" not in line.line for line in lines)
    alike(*two)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("epochs", 9, "run 9 → 8 epochs"),
        ("optimizer.weight_decay", 0.5, "weight decay 0.5 → 0"),
        ("optimizer", {"name": "sgd", "base_lr": 1e-3}, "optimizer SGD → Adam"),
        ("optimizer", {"name": "sgd", "base_lr": 1e-3}, "momentum 0.9 → 0"),
        (
            "optimizer.base_lr",
            2e-3,
            "head, layer4 and 2 more: rate ×0.5",
        ),
    ],
)
def test_what_a_loop_does_differently_than_a_schedule_is_one_line(path, value, line):
    assert line in said(edits.set_field(A, path, value), record_of(A))


def test_the_rate_is_compared_where_both_train_and_the_furthest_epoch_is_told():
    flat = edits.set_field(A, "lr.decay", {"shape": "constant"})
    assert said(flat, record_of(A)) == [
        "head and layer4: rate ×0.0534 to ×1 (furthest at epoch 7)",
        "layer3 and layer2: rate ×0.0534 to ×0.966 (furthest at epoch 7)",
    ]
    never = edits.set_windows(flat, {group.name: [] for group in A.groups})
    assert not any("rate" in each for each in said(never, record_of(A)))


def test_windows_are_told_as_of_schedules():
    later = edits.set_windows(A, {"layer4": [[3, None]]})
    (line,) = said(later, record_of(A))
    assert line == "layer4 thaws 2 epochs earlier (from 3 → from 1, share of learning 53% → 98%)"


def test_a_rate_of_nothing_has_no_factor():
    still = changed(lambda group: {"rates": (0.0,) * len(group.rates)})
    assert "head: rate 1e-4 → 0 (at epoch 0)" in said(A, still)
    assert "head: rate 0 → 1e-4 (at epoch 0)" in said(still, A)


def test_parts_written_as_a_whole_or_one_by_one_are_the_same_parts():
    blocks = {"layer4": ("layer4.0", "layer4.1"), "stem": ("bn1", "conv1")}
    assert said(A, changed(lambda group: {"modules": blocks.get(group.name, group.modules)})) == []
    more = changed(lambda group: {"modules": (*group.modules, f"extra.{group.name}")})
    assert "head holds more (extra.head)" in said(A, more)
    other = changed(lambda group: {"modules": ("blocks.0",)} if group.name == "head" else {})
    assert "head holds other parts (fc → blocks.0)" in said(A, other)


def test_options_steps_and_groups_of_another_name_are_told():
    amsgrad = changed(lambda _: {"options": (ParamGroupOptions(0.0, 0.0, ("amsgrad=True",)),)})
    assert said(A, amsgrad) == ["optimizer options: defaults → amsgrad=True"]
    warm = changed(
        lambda _: {"options": (ParamGroupOptions(0.0, 0.8), ParamGroupOptions(0.0, 0.9))}
    )
    assert said(A, warm) == ["momentum 0 → 0.8 to 0.9"]
    assert said(record_of(A, 4), record_of(A, 5)) == [
        "an epoch has 4 → 5 steps (rates are compared at the first step of each epoch)"
    ]
    numbered = changed(lambda group: {"name": f"group {group.name}"})
    assert "group head was called head" in said(A, numbered)


def test_more_than_two_new_groups_are_one_line_and_parts_outside_the_optimizer_another():
    def without(group: LoopGroup) -> dict[str, Any]:
        return {} if group.name == "head" else {"options": (), "trains": (False,) * 8}

    lines = said(A, changed(without))
    assert lines == [
        "5 groups are gone (layer4, layer3, layer2, layer1 and stem)",
        "not in the optimizer: conv1, bn1 and 4 more",
    ]
    assert said(changed(without), A)[-1] == "in the optimizer now: conv1, bn1 and 4 more"
    alone = changed(lambda group: {"name": "top"} if group.name == "head" else without(group))
    assert said(alone, alone) == []


def test_of_parts_outside_the_optimizer_and_of_options_only_those_that_differ_are_told():
    def outside(*names: str) -> Record:
        out = {"options": (), "trains": (False,) * 8}
        return changed(lambda group: out if group.name in names else {})

    one, other = outside("stem", "layer1", "layer2"), outside("stem", "layer1", "layer3")
    assert said(one, other)[-2:] == ["not in the optimizer: layer3", "in the optimizer now: layer2"]

    def with_options(*options: str) -> Record:
        return changed(lambda _: {"options": (ParamGroupOptions(0.0, 0.0, options),)})

    eps, plain = with_options("amsgrad=True", "eps=1e-06"), with_options("amsgrad=True")
    assert said(eps, plain) == ["optimizer options: eps=1e-06 → defaults"]
    assert said(eps, with_options("eps=1e-06", "amsgrad=True")) == []


def test_a_factor_beyond_a_thousand_is_written_out():
    fast = changed(lambda group: {"rates": tuple(2000 * rate for rate in group.rates)})
    assert said(A, fast) == ["head, layer4 and 2 more: rate ×2,000"]


def test_the_share_of_learning_of_a_record_is_that_of_its_schedule():
    stairs = edits.set_field(A, "lr", {"interval": "epoch", "decay": {"shape": "linear"}})
    record = record_of(stairs, 1)
    assert learning(record) == pytest.approx(learning(stairs))
    assert learning(record_of(A, 50)) == pytest.approx(learning(A), abs=1e-3)
    smooth = edits.set_field(A, "lr.interval", "step")
    assert learning(record_of(smooth, 50)) == pytest.approx(learning(smooth), abs=1e-3)
    assert lr(record, "head", [0.0, 0.5, 3.0]) == pytest.approx(lr(stairs, "head", [0, 0, 3]))
