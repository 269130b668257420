from __future__ import annotations

import csv as standard
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.export import csv
from core.export.export_result import ExportSource
from core.schedule import curves, plan
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from tests.schedule.strategies import names, schedules


def test_the_table_holds_the_exact_rate_of_every_group_at_every_step():
    schedule = presets.load("gradual")
    read = list(standard.DictReader(io.StringIO(csv.text(schedule, 7))))
    assert len(read) == schedule.epochs * 7 * len(schedule.groups)
    for row in read:
        group = schedule.group(row["group"])
        step, epoch = int(row["step"]), int(row["epoch"])
        time = curves.time_of_step(schedule, step, 7)
        assert epoch == step // 7
        assert float(row["lr"]) == float(curves.lr(schedule, group, time))
        assert row["trainable"] == str(int(plan.trains_in(group, epoch)))


def test_the_steps_are_those_of_one_size_of_data_as_declared():
    tables = {}
    for steps in (5, 7):
        made = csv.export(ExportSource(presets.load("gradual"), steps))
        (told,) = [each.instead for each in made.limitations if each.field == "epochs"]
        assert told.startswith(f"each epoch has {steps} steps")
        tables[steps] = csv.text(presets.load("gradual"), steps).splitlines()
    (once,) = csv.export(ExportSource(presets.load("gradual"), 1)).limitations[1:]
    assert once.instead.startswith("each epoch has 1 step;")
    assert len(tables[5]) < len(tables[7])
    assert not set(tables[5][-7:]) & set(tables[7])  # the last step has another number and rate


def test_rows_go_by_step_and_then_from_input_to_output():
    schedule = presets.load("gradual")
    read = list(standard.DictReader(io.StringIO(csv.text(schedule, 2))))
    groups = [group.name for group in schedule.groups]
    assert [row["group"] for row in read] == groups * (2 * schedule.epochs)
    steps = [int(row["step"]) for row in read]
    assert steps == sorted(steps)


def test_the_header_names_the_columns():
    assert csv.text(presets.load("gradual"), 1).splitlines()[0] == "step,epoch,group,lr,trainable"


def test_a_group_name_with_a_comma_stays_one_field():
    schedule = presets.load("gradual")
    first = schedule.groups[0].model_copy(update={"name": 'a, "b"'})
    odd = schedule.model_copy(update={"groups": (first, *schedule.groups[1:])})
    read = list(standard.DictReader(io.StringIO(csv.text(odd, 1))))
    assert read[0]["group"] == 'a, "b"'


@given(schedules(), st.integers(1, 9))
def test_the_file_is_what_the_standard_writer_makes_of_the_rows(schedule: Schedule, steps: int):
    file = io.StringIO()
    writer = standard.writer(file, lineterminator="\n")
    writer.writerow(csv.COLUMNS)
    rates = curves.rates_of_steps(schedule, np.arange(schedule.epochs * steps), steps)
    for step, of_step in enumerate(rates.T.tolist()):
        for group, lr in zip(schedule.groups, of_step, strict=True):
            trains = int(plan.trains_in(group, step // steps))
            writer.writerow((step, step // steps, csv.cell(group.name), repr(lr), trains))
    assert csv.text(schedule, steps) == file.getvalue()


@pytest.mark.parametrize("interval", ["epoch", "step"])
def test_a_long_epoch_has_every_step_once_with_its_own_rate(interval: str):
    raw = to_raw(presets.load("gradual"))
    raw["lr"]["interval"] = interval
    schedule = from_raw(raw)
    steps = 9_000  # more than are in memory at once
    lines = csv.text(schedule, steps).splitlines()[1 :: len(schedule.groups)]
    assert [int(line.split(",")[0]) for line in lines] == list(range(schedule.epochs * steps))
    rates = curves.rates_of_steps(schedule, np.arange(schedule.epochs * steps), steps)[0]
    assert [float(line.split(",")[3]) for line in lines] == rates.tolist()


@pytest.mark.parametrize("name", ["100%", "%r", "%%s", "{0}", "a\\0"])
def test_a_group_name_is_never_taken_for_a_form(name: str):
    schedule = presets.load("gradual")
    first = schedule.groups[0].model_copy(update={"name": name})
    odd = schedule.model_copy(update={"groups": (first, *schedule.groups[1:])})
    read = list(standard.DictReader(io.StringIO(csv.text(odd, 1))))
    assert read[0]["group"] == name


def named(name: str) -> Schedule:
    schedule = presets.load("gradual")
    first = schedule.groups[0].model_copy(update={"name": name})
    return schedule.model_copy(update={"groups": (first, *schedule.groups[1:])})


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1", "'quoted'"])
def test_a_name_that_a_spreadsheet_would_compute_stands_behind_an_apostrophe(name: str):
    read = list(standard.DictReader(io.StringIO(csv.text(named(name), 1))))
    assert read[0]["group"] == f"'{name}"
    (told,) = [
        each
        for each in csv.without_rows(ExportSource(named(name), 1)).limitations
        if "form" in str(each)
    ]
    assert told.field == "groups"
    assert name in told.cannot


@given(names, names)
def test_names_that_differ_differ_in_the_table_and_come_back(one: str, other: str):
    assert (csv.cell(one) == csv.cell(other)) == (one == other)
    assert csv.cell(one).removeprefix("'" if csv.cell(one) != one else "") == one
    assert not csv.cell(one).startswith(("=", "+", "-", "@"))


def test_a_schedule_of_plain_names_loses_no_name():
    limitations = csv.without_rows(ExportSource(presets.load("gradual"), 1)).limitations
    assert [each.field for each in limitations] == ["optimizer", "epochs"]
