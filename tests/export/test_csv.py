from __future__ import annotations

import csv as standard
import io

from core.design import curves, plan, presets
from core.export import csv


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
        assert row["trainable"] == str(int(plan.is_open(group, epoch)))


def test_rows_go_by_step_and_then_from_input_to_output():
    schedule = presets.load("gradual")
    rows = list(csv.rows(schedule, 2))
    names = [group.name for group in schedule.groups]
    assert [row[2] for row in rows] == names * (2 * schedule.epochs)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_the_header_names_the_columns():
    assert csv.text(presets.load("gradual"), 1).splitlines()[0] == "step,epoch,group,lr,trainable"


def test_a_group_name_with_a_comma_stays_one_field():
    schedule = presets.load("gradual")
    first = schedule.groups[0].model_copy(update={"name": 'a, "b"'})
    odd = schedule.model_copy(update={"groups": (first, *schedule.groups[1:])})
    read = list(standard.DictReader(io.StringIO(csv.text(odd, 1))))
    assert read[0]["group"] == 'a, "b"'
