"""What one schedule does differently than another: lines, and laws that hold for any two."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.compare.align import group_rows
from core.compare.difference import size_of_change
from core.compare.schedules import alike, diff, fields
from core.models import layer_table, regroup
from core.schedule import edits
from core.schedule.parse import dumps, parse
from core.schedule.spec import Schedule
from tests.sample import stairs
from tests.schedule.strategies import real_schedules, schedules

MENDED = presets.load("exercise-mended")


def resnet18(**changes: Any) -> Schedule:
    """The exercise's thaws over 8 epochs: head at 0, layer4 at 2, layer3 at 4, layer2 at 6."""
    found = edits.use_model(stairs(), layer_table.load("torchvision/resnet18"))
    thaws = {"head": 0, "layer4": 2, "layer3": 4, "layer2": 6}
    windows = {g.name: [[thaws[g.name], None]] if g.name in thaws else [] for g in found.groups}
    found = edits.set_windows(edits.set_field(found, "epochs", 8), windows)
    for path, value in changes.items():
        found = edits.set_field(found, path.replace("__", "."), value)
    return found


A = resnet18()


def texts(b: Schedule, a: Schedule = A) -> list[str]:
    return [line.text for line in diff(a, b)]


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("name", "Mine", "name Gradual unfreezing → Mine"),
        ("epochs", 10, "run 8 → 10 epochs"),
        ("optimizer.base_lr", 5e-4, "base LR 2e-3 → 5e-4"),
        ("optimizer.base_lr", 0.0020000001, "base LR 2e-3 → 2.0000001e-3"),
        ("optimizer.weight_decay", 0.01, "weight decay 0 → 0.01"),
        ("lr.group_decay", 0.25, "decay per group ×0.5 → ×0.25"),
        ("lr.warmup.epochs", 2, "warmup 1 → 2 epochs"),
        ("lr.warmup.start_factor", 0.2, "warmup from ×0.1 → ×0.2 of the peak"),
        ("lr.warmup.shape", "cosine", "warmup rises linear → cosine"),
        ("lr.interval", "epoch", "rate changes every step → epoch"),
        (
            "lr.after_unfreeze",
            "restart",
            "each group starts its curve when it thaws, warmup included",
        ),
        (
            "lr.decay",
            {"shape": "wsd", "floor": {"factor": 0.01}},
            "shape cosine → warmup-stable-decay",
        ),
        ("lr.decay.floor", {"factor": 0.05}, "floor ×0.01 → ×0.05"),
        ("lr.decay.floor", {"lr": 1e-6}, "floor ×0.01 → 1e-6 for all"),
        ("model.weights", None, "weights IMAGENET1K_V1 → random"),
        ("optimizer", {"name": "sgd", "base_lr": 2e-3}, "optimizer Adam → SGD"),
    ],
)
def test_one_changed_field_is_one_line(path: str, value: object, text: str) -> None:
    assert texts(edits.set_field(A, path, value)) == [text]


@pytest.mark.parametrize(
    ("group", "windows", "text"),
    [
        ("layer3", [[2, None]], "layer3 thaws 2 epochs earlier"),
        ("layer3", [[5, None]], "layer3 thaws 1 epoch later"),
        ("layer3", [[4, 6]], "layer3 freezes again at epoch 6"),
        ("layer3", [[2, 6]], "layer3 thaws 2 epochs earlier and freezes again at epoch 6"),
        ("layer2", [], "layer2 no longer trains"),
        ("stem", [[3, None]], "stem now trains"),
        ("head", [[0, 2], [4, None]], "head trains in other epochs"),
        ("head", [[0, 8]], "head trains in the same epochs, written differently"),
    ],
)
def test_when_a_group_trains_is_told_in_words(
    group: str, windows: list[list[int | None]], text: str
) -> None:
    assert texts(edits.set_windows(A, {group: windows})) == [text]


def test_what_is_told_of_a_thaw_has_the_epochs_and_the_share_of_learning() -> None:
    (line,) = diff(A, edits.set_windows(A, {"layer3": [[2, None]]}))
    assert line.detail == "from 4 → from 2, share of learning 23% → 62%"
    assert line.groups == ("layer3",)
    assert line.line == f"{line.text} ({line.detail})"


def test_both_the_first_and_the_last_epoch_of_a_window_are_named() -> None:
    (line,) = diff(A, edits.set_windows(A, {"layer3": [[0, 3], [4, 5], [6, None]]}))
    assert line.detail.startswith("from 4 → 0 to 2, 4 and from 6, share of")


def test_the_other_way_round_it_is_told_the_other_way_round() -> None:
    earlier = edits.set_windows(A, {"layer3": [[2, None]]})
    assert texts(A, earlier) == ["layer3 thaws 2 epochs later"]
    again = edits.set_windows(A, {"head": [[0, 6]]})
    assert texts(A, again) == ["head trains to the end"]
    assert texts(edits.set_windows(A, {"head": [[0, 5]]}), again) == [
        "head freezes 1 epoch earlier"
    ]


def test_a_longer_run_leaves_groups_that_train_to_the_end_alone() -> None:
    assert texts(edits.set_field(A, "epochs", 12)) == ["run 8 → 12 epochs"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lr_scale": 0.1}, "layer4 LR scale ×0.5 → ×0.1"),
        ({"lr_scale": 0.5}, "layer4: LR scale is written out, the same number as before"),
        ({"when_frozen": "train"}, "layer4: BatchNorm keeps moving while it is frozen"),
        ({"batchnorm": None}, "layer4: BatchNorm learns its statistics"),
    ],
)
def test_a_groups_own_fields_are_told_by_its_name(change: dict[str, Any], text: str) -> None:
    assert texts(edits.set_group(A, "layer4", **change)) == [text]


def test_a_scale_that_makes_up_for_the_base_rate_leaves_the_peak() -> None:
    b = edits.set_group(edits.set_field(A, "optimizer.base_lr", 5e-3), "head", lr_scale=1.0)
    (line,) = [each for each in diff(A, b) if each.groups]
    assert line.line == "head LR scale ×2.5 → ×1 (peak still 5e-3)"


def test_what_is_the_same_for_several_groups_is_said_once() -> None:
    frozen = {group.name: {"when_frozen": "train"} for group in A.groups}
    (line,) = diff(A, edits.set_groups(A, frozen))
    assert line.text == "head, layer4 and 4 more: BatchNorm keeps moving while it is frozen"
    assert line.groups == tuple(group.name for group in reversed(A.groups))


def test_a_renamed_group_is_found_by_what_it_holds() -> None:
    renamed = regroup.rename_group(A, "layer4", "top")
    assert texts(renamed) == ["top was called layer4"]
    assert [row[1].name for row in group_rows((A, renamed)) if row[1]][4] == "top"


def test_a_split_tells_the_new_group_and_what_the_old_one_lost() -> None:
    split = regroup.split_group(A, layer_table.load("torchvision/resnet18"), "layer4", "layer4.1")
    told = {line.text: line.detail for line in diff(A, split)}
    assert told["layer4.1 is new"] == "trains from 2, holds layer4.1"
    assert told["layer4.0 was called layer4"] == ""
    assert told["layer4.0 holds other parts"] == "layer4 → layer4.0"


def test_a_part_that_is_moved_is_told_of_both_groups() -> None:
    moved = edits.set_groups(
        A, {"stem": {"modules": ["conv1"]}, "layer1": {"modules": ["bn1", "layer1"]}}
    )
    told = {line.text: line.detail for line in diff(A, moved)}
    assert told == {"stem holds less": "bn1", "layer1 holds more": "bn1"}


def test_another_model_is_one_line_and_its_groups_two_at_most() -> None:
    other = edits.use_model(A, layer_table.load("timm/tf_efficientnet_lite0"))
    told = texts(other)
    assert "model resnet18 → tf_efficientnet_lite0" in told
    assert sum("group" in text for text in told) == 2
    assert not any("holds" in text for text in told)


def test_what_is_alike_is_named() -> None:
    b = edits.set_windows(A, {"layer3": [[2, None]]})
    assert alike(A, b) == (
        "resnet18",
        "8 epochs",
        "Adam",
        "base LR 2e-3",
        "×0.5 per group",
        "warmup 1 epoch",
        "cosine",
        "floor ×0.01",
        "head",
        "layer4",
        "layer2",
        "layer1",
        "stem",
    )


pairs = st.one_of(
    st.tuples(schedules(), schedules()), st.tuples(real_schedules(), real_schedules())
)


@given(schedules())
def test_a_schedule_does_nothing_differently_than_itself(schedule: Schedule) -> None:
    assert diff(schedule, parse(dumps(schedule))) == ()


@given(pairs)
def test_any_two_schedules_can_be_compared_and_differ_if_and_only_if_a_line_says_so(
    pair: tuple[Schedule, Schedule],
) -> None:
    a, b = pair
    for one, other in ((a, b), (b, a)):
        lines = diff(one, other)
        assert bool(lines) == (one != other)
        assert all(line.text.strip() and line.fields for line in lines)
        assert len({line.line for line in lines}) == len(lines)
        alike(one, other)


@given(pairs)
def test_every_field_that_differs_is_told(pair: tuple[Schedule, Schedule]) -> None:
    a, b = pair
    lines = diff(a, b)
    told = {path for line in lines for path in line.fields}
    old, new = fields(a), fields(b)
    assert {p for p in old.keys() | new.keys() if old.get(p) != new.get(p)} <= told
    by_group = {(name, path) for line in lines for name in line.groups for path in line.fields}
    for before, after in group_rows((a, b)):
        if before is None or after is None:
            assert "groups" in told
            continue
        for field in type(after).model_fields:
            if getattr(before, field) != getattr(after, field):
                other_model = field == "modules" and a.model.name != b.model.name
                assert (after.name, field) in by_group or (other_model and "modules" in told)


def test_a_third_schedules_group_goes_with_any_of_the_row_by_its_name_or_its_parts() -> None:
    other = edits.use_model(stairs(), layer_table.load("timm/tf_efficientnet_lite0"))
    named = edits.set_group(A, "head", name="top")
    numbered = edits.set_group(A, "head", name="group 1")
    for third in (named, numbered):
        rows = group_rows((other, A, third))
        (head,) = [row for row in rows if row[1] is not None and row[1].name == "head"]
        assert [group and group.name for group in head] == ["head", "head", third.groups[-1].name]
    rows = group_rows((A, named, other, named))
    (top,) = [row for row in rows if row[1] is not None and row[1].name == "top"]
    assert [group and group.name for group in top] == ["head", "top", "head", "top"]


@given(st.lists(schedules(), min_size=1, max_size=4))
def test_every_group_of_every_schedule_is_in_one_row_and_a_row_has_one_of_each(
    several: list[Schedule],
) -> None:
    rows = group_rows(several)
    for at, schedule in enumerate(several):
        found = [row[at] for row in rows if row[at] is not None]
        assert sorted(g.name for g in found if g) == sorted(g.name for g in schedule.groups)
    assert all(any(row) and len(row) == len(several) for row in rows)
    first = [row[0] for row in rows if row[0] is not None]
    assert first == list(several[0].groups)


@given(schedules(), st.data())
def test_a_line_is_told_for_a_change_of_any_one_field(
    schedule: Schedule, data: st.DataObject
) -> None:
    path, value = data.draw(
        st.sampled_from(
            [
                ("epochs", schedule.epochs + 1),
                ("optimizer.base_lr", schedule.optimizer.base_lr * 0.5 + 1e-9),
                ("lr.warmup.epochs", schedule.lr.warmup.epochs / 2 + 0.125),
                ("lr.interval", "step" if schedule.lr.interval == "epoch" else "epoch"),
                ("name", schedule.name[:70] + " 2"),
            ]
        )
    )
    changed = edits.set_field(schedule, path, value)
    assert (path in {p for line in diff(schedule, changed) for p in line.fields}) == (
        changed != schedule
    )


@pytest.mark.parametrize(("after", "size"), [(8.0, 2.0), (0.5, 2.0), (0.0, inf), (5e-324, inf)])
def test_the_size_of_a_change_is_a_power_of_two_or_infinite(after: float, size: float) -> None:
    assert size_of_change(2.0, after) == size
