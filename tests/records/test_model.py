from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from core import presets
from core.errors import InputError, ScheduleError
from core.records.io import from_raw, parse_either, record_json
from core.records.model import Record
from core.records.recorded_loop import LoopGroup, ParamGroupOptions, RecordedLoop
from core.schedule import curves, parse
from core.schedule.spec import Schedule
from tests.records.samples import parse_record, record_of, recorded_of, records
from tests.schedule.strategies import schedules

DOCUMENT: dict[str, Any] = {
    "format": "thaw.record",
    "version": 1,
    "name": "My loop",
    "epochs": 4,
    "steps_per_epoch": 10,
    "optimizer": "Adam",
    "within": 1e-12,
    "groups": [
        {
            "name": "body",
            "modules": ["conv1", "layer4"],
            "parameters": 900,
            "trainable": [[2, None]],
            "curve": 0,
            "scale": 0.1,
        },
        {
            "name": "head",
            "modules": ["fc"],
            "parameters": 100,
            "trainable": [[0, None]],
            "curve": 0,
        },
    ],
    "curves": [[[10, 0.0001, 0.001], [30, 0.001, 0.001]]],
}


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    part: Any = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = to
    return document


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("format",), "thaw.schedule", "format is 'thaw.schedule': this is a schedule, not a rec"),
        (("format",), "record", 'format is \'record\': a Thaw record has "format": "thaw.record"'),
        (("version",), 2, "version is 2, but this Thaw reads 1: update Thaw to open it"),
        (("epochs",), 10_001, "epochs is 10001: it must be at most 10000"),
        (("steps_per_epoch",), 0, "steps_per_epoch is 0: it must be at least 1"),
        (("steps_per_epoch",), 10**7, "steps_per_epoch is 10000000: it must be at most 1000000"),
        (
            ("steps_per_epoch",),
            11,
            "curves[0] has 40 steps, but the record has 44: let its pieces cover every step once",
        ),
        (("curves", 0, 0), [10, 0.1], "curves[0][0] is [10, 0.1]: write [steps, first rate, last"),
        (("curves", 0, 0, 1), -0.1, "curves[0][0][1] is -0.1: it must be at least 0"),
        (("curves", 0, 0, 0), 0, "curves[0][0][0] is 0: it must be at least 1"),
        (("curves", 0), [], "curves[0] is empty: add at least one"),
        (("groups", 1, "curve"), 1, "groups[1].curve is 1, but the last curve is 0: curves count"),
        (("groups", 1, "name"), "body", "groups has two groups named 'body': rename one of them"),
        (("groups", 0, "trainable"), [[2]], "groups[0].trainable[0] is [2]: write [start, end], "),
        (("groups", 0, "lr_scale"), 1, "groups[0].lr_scale is not a field here: did you mean 'sca"),
        (("groups", 0, "modules"), ["a b"], "groups[0].modules[0] is 'a b': use letters, digits"),
        (("groups", 0, "momentum"), [0, 1, 2], "groups[0].momentum has 3 items: it may have at mo"),
        (("model",), "resnet18", "model is not a field here: use one of "),
        (("name",), "\ud800", "name holds half of a character"),
    ],
)
def test_a_record_with_a_mistake_is_refused_by_its_name(path: Any, value: Any, says: str):
    with pytest.raises(ScheduleError) as caught:
        parse_record(json.dumps(changed(*path, to=value)))
    assert str(caught.value).startswith(says)


def test_what_no_document_may_have_no_record_has():
    text = json.dumps(DOCUMENT)
    for broken, says in (
        (text.ljust(parse.MAX_DOCUMENT_BYTES + 1), "the document has 262,145 bytes"),
        (text.replace("1e-12", "NaN"), "line 1, column .* is NaN"),
        (text.replace('"version": 1', '"version": 1, "version": 1'), "version appears twice"),
        ("[" * 17, "is nested over 16 levels deep"),
        ("[]", "the document is \\[\\], not an object"),
    ):
        with pytest.raises(ScheduleError, match=says):
            parse_record(broken)


def test_a_record_where_a_schedule_is_needed_says_what_it_is_good_for():
    with pytest.raises(ScheduleError) as caught:
        parse.parse(json.dumps(DOCUMENT))
    assert str(caught.value) == (
        "format is 'thaw.record': this is a record of a loop, not a schedule: compare it on the "
        "Compare page, or make a schedule of the loop with core.as_schedule"
    )


def test_either_is_read_where_either_will_do():
    assert isinstance(parse_either(json.dumps(DOCUMENT)), Record)
    assert isinstance(parse_either(parse.dumps(presets.load("gradual"))), Schedule)
    with pytest.raises(ScheduleError, match="a Thaw schedule has"):
        parse_either("{}")


def test_rates_are_straight_between_the_ends_of_a_piece_and_scaled_by_group():
    record = from_raw(DOCUMENT)
    assert record.at("head", [0, 9, 10, 39]).tolist() == [1e-4, 1e-3, 1e-3, 1e-3]
    assert record.at("head", 4) == pytest.approx(5e-4)
    assert record.lr("body", [0.0, 0.45, 4.0]) == pytest.approx([1e-5, 5.5e-5, 1e-4])
    assert record.peak("body") == pytest.approx(1e-4)
    assert not record.is_stair


def test_a_rate_that_stays_for_whole_epochs_is_a_stair():
    stairs = from_raw(changed("curves", to=[[[20, 0.1, 0.1], [20, 0.01, 0.01]]]))
    assert stairs.is_stair
    assert stairs.lr("head", [0.5, 1.99, 2.0]).tolist() == [0.1, 0.1, 0.01]
    off = from_raw(changed("curves", to=[[[15, 0.1, 0.1], [25, 0.01, 0.01]]]))
    assert not off.is_stair


@given(schedules(max_epochs=6))
def test_a_loop_that_follows_a_schedule_comes_out_of_its_file_with_its_rates(schedule: Schedule):
    recorded = recorded_of(schedule, 3)
    record = parse_record(record_json(recorded, schedule.name))
    assert record.within == 1e-12
    steps = np.arange(record.steps)
    for group in recorded.groups:
        assert record.at(group.name, steps) == pytest.approx(group.rates, rel=1e-12, abs=0)
        assert record.group(group.name).modules == group.modules
        assert record.group(group.name).trainable == group.windows


@given(records())
def test_a_record_is_read_as_it_was_written(record: Record):
    assert from_raw(record.model_dump(mode="json")) == record
    for group in record.groups:
        found = record.lr(group.name, [0.0, record.epochs / 3, record.epochs])
        assert (found >= 0).all()
        assert (found <= record.peak(group.name) * (1 + 1e-12)).all()


def test_groups_whose_rates_are_in_one_proportion_share_a_curve():
    schedule = presets.load("discriminative")
    record = record_of(schedule, 100)
    assert len(record.curves) == 1
    assert record.groups[-1].scale == 1.0
    base = curves.peak(schedule, schedule.groups[-1])
    peaks = [curves.peak(schedule, group) / base for group in schedule.groups]
    assert [group.scale for group in record.groups] == pytest.approx(peaks, rel=1e-12)


@pytest.mark.thorough
def test_a_long_run_of_many_rates_stays_small_and_says_how_near_it_is():
    schedule = presets.load("gradual")
    recorded = recorded_of(schedule.model_copy(update={"epochs": 100}), 500)
    text = record_json(recorded)
    assert len(text.encode()) <= parse.MAX_DOCUMENT_BYTES
    record = parse_record(text)
    assert record.within == 1e-6
    head = recorded.groups[-1]
    assert record.at(head.name, np.arange(50_000)) == pytest.approx(head.rates, rel=1e-6, abs=0)


def test_what_an_optimizer_has_besides_its_rates_is_kept_as_far_as_it_stays():
    settings = tuple(
        ParamGroupOptions(0.1, 0.85 + at / 100, ("nesterov=True", f"betas=(0.{at}, 0.9)"))
        for at in range(9)
    )
    recorded = RecordedLoop(1, 1, "SGD", (LoopGroup("all", ("fc",), 9, (0.1,), (True,), settings),))
    (group,) = parse_record(record_json(recorded)).groups
    assert group.weight_decay == (0.1,)
    assert group.momentum == pytest.approx((0.85, 0.93))
    assert group.others == ("nesterov=True", "betas that changes")


def test_what_no_record_can_hold_is_refused_when_it_is_written():
    def of(name: str, rate: float, count: int = 1) -> RecordedLoop:
        one = LoopGroup(name, ("fc",), 9, (rate,), (True,))
        return RecordedLoop(1, 1, "SGD", (one,) * count)

    for recorded, says in (
        (of("x" * 81, 0.1), r"groups\[0\]\.name has 81 characters: shorten it to at most 80"),
        (of("all", 2e103), r"curves\[0\]\[0\]\[1\] is 2e\+103: it must be at most 1e\+103"),
        (of("all", 0.1, 513), "groups has 513 items: it may have at most 512"),
    ):
        with pytest.raises(InputError, match=says):
            record_json(recorded)
    paths = tuple(f"layer{at}.weight" for at in range(20_000))
    wide = RecordedLoop(1, 1, "SGD", (LoopGroup("all", paths, 9, (0.1,), (True,)),))
    with pytest.raises(InputError, match="the record takes over 262,144 bytes"):
        record_json(wide)
