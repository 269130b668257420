"""The browser shows, while a hand drags, what Python gives once it has let go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import layer_table
from core.models.costs import costs
from core.schedule import curves, edits
from core.schedule.spec import Group, Schedule
from pages.components.design.cost_rows import rows_of_costs
from pages.components.shared.chart_style import View
from pages.components.shared.rates import chart
from tests.components.design.timeline.bench import drawn, node, schedule
from tests.schedule import strategies

CHART = """(() => {
  const found = givenIn(given.lines, given.ends, before);
  const lines = linesInHand(timeline, found);
  const rows = [...lines.values()].flatMap(({ rows }) => rows);
  return { lines: rows, ...marksInHand(timeline, found, lines, phases) };
})()"""
SECOND_DRAG = """(() => {
  const sets = { ...given };
  const view = {
    data: (name) => sets[name],
    changeset: () => ({
      gone: [],
      added: [],
      modify: (row, field, value) => (row[field] = value),
      insert(rows) { this.added.push(...rows); },
      remove(rows) { this.gone.push(...rows); },
    }),
    change(name, { gone, added }) {
      sets[name] = [...sets[name].filter((row) => !gone.includes(row)), ...added];
    },
    runAsync: () => {},
  };
  const { querySelector } = document;
  document.querySelector = () => ({ __data__: { context: { dataflow: view, data: sets } } });
  drawChart({ ...timeline, latest: answer }, buildChart(), phases);
  document.querySelector = querySelector;
  return sets.lines;
})()"""
IN_HAND = """(() => {
  const timeline = {
    data: before, curve: curveOf(before.fields), playhead: before.view.playhead,
    axis: axisOf(before.epochs, 800),
    windows: new Map(after.groups.map(({ name, windows }) => [name, windows])),
    scales: new Map(after.groups.map(({ name, scale }) => [name, scale])),
  };
  const groups = groupsInHand(timeline);
  const phases = phasesOf(groups, before.epochs);
  return %s;
})()"""


def in_hand(expression: str, before: Any, after: Any, **given: Any) -> Any:
    """The value of an expression while a hand has what is in `after`, and Python sent `before`."""
    return node(IN_HAND % expression, before=before, after=after, **given)


@st.composite
def drags(draw: st.DrawFn, before: st.SearchStrategy[Schedule]) -> tuple[Schedule, Schedule]:
    """A schedule, and the one that windows and peaks moved by hand make of it."""
    given = draw(before)
    changes: dict[str, dict[str, Any]] = {}
    for group in given.groups:
        changes[group.name] = {"trainable": draw(strategies.windows(given.epochs))}
        if draw(st.booleans()):
            changes[group.name]["lr_scale"] = draw(st.floats(1e-3, 10.0))
    return given, edits.set_groups(given, changes)


def stays(before: Schedule, after: Schedule, group: Group) -> bool:
    """Python has sent the group's curve: it begins as before, and was not flat."""
    floor = before.lr.floor_lr
    flat = floor is not None and abs(1 - floor / curves.peak(before, group)) < 1e-3
    then = after.group(group.name)
    return not flat and curves.curve_start(before, group) == curves.curve_start(after, then)


@given(drags(strategies.schedules()))
def test_the_budgets_in_a_drag_are_those_after_it(drag: tuple[Schedule, Schedule]) -> None:
    before, after = drag
    sent = [drawn(each) for each in drag]
    text = "groups.map(({ budget }) => budget && budget.map(formatShare))"
    shown = in_hand(text, *sent)
    expected = node(f"after.{text}", after=sent[1])
    for group, found, wanted in zip(reversed(before.groups), shown, expected, strict=True):
        if found and found[1] == "…":
            assert not stays(before, after, group)
            found[1] = wanted[1]
        assert found == wanted


@given(drags(strategies.real_schedules()))
def test_the_costs_in_a_drag_are_those_after_it(drag: tuple[Schedule, Schedule]) -> None:
    before, after = drag
    shown = in_hand("phaseCosts(before, groups, phases)", drawn(before), drawn(after))
    found = costs(layer_table.load(after.model.name), after, 64)
    for row in rows_of_costs(found, "Adam"):
        cells = [phase[row.short] for phase in shown]
        figures = [f"<b>{figure}</b>{rest}" for figure, rest, _ in cells]
        assert figures == [cell.figures for cell in row.cells]
        assert [bar for *_, bar in cells] == pytest.approx([cell.dark for cell in row.cells])


@given(
    drags(strategies.schedules()),
    st.integers(1, 200),
    st.builds(
        View, unit=st.sampled_from(["rate", "of peak"]), axis=st.sampled_from(["epoch", "step"])
    ),
)
def test_the_rates_in_a_drag_are_those_after_it(
    drag: tuple[Schedule, Schedule], steps: int, view: View
) -> None:
    before, after = drag
    playhead = before.epochs / 3
    sent = [drawn(each, steps_per_epoch=steps, unit=view.unit, playhead=playhead) for each in drag]
    old, new = (data_of_chart(each, steps, playhead, view) for each in drag)
    shown = in_hand(CHART, *sent, given=old)
    for name in ("borders", "warmup", "playhead"):
        assert shown[name] == new[name]
    assert [row["group"] for row in shown["heads"]] == [row["group"] for row in new["heads"]]
    units = steps if view.axis == "step" else 1
    every = np.array([curves.peak(after, group) for group in after.groups])
    for at, group in enumerate(before.groups):
        mine, python = (
            [row for row in rows["lines"] if row["group"] == group.name] for rows in (shown, new)
        )
        assert spans(mine) == spans(python)
        if not stays(before, after, group):
            continue
        step = np.array([round(row["x"] / units * steps) for row in mine])
        assert [row["x"] for row in mine] == pytest.approx(step / steps * units)
        last = after.epochs * steps - 1
        rates = curves.rates_of_steps(after, step.clip(max=last), steps)[at] / every[at]
        height = every[at] if view.unit == "rate" else 1.0
        y = np.array([row["y"] for row in mine]) / height
        assert y == pytest.approx(rates, rel=1e-9, abs=1e-9)


def data_of_chart(
    schedule: Schedule, steps: int, playhead: float, view: View
) -> dict[str, list[dict[str, Any]]]:
    """The rows of the rate chart's data sets; the rest of the chart would take long to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chart, "layers", lambda _: "{}")
        sets = chart.rate_chart(schedule, steps, playhead, view)["datasets"]
    return {name: rows.to_pylist() for name, rows in sets.items()}


def spans(line: list[dict[str, Any]]) -> dict[int, tuple[float, float, bool]]:
    """The ends of each stretch of a line, and whether its group trains there."""
    found: dict[int, tuple[float, float, bool]] = {}
    for row in line:
        begins = found.get(row["span"], (row["x"],))[0]
        found[row["span"]] = (begins, row["x"], row["trains"])
    return found


def test_a_name_in_the_chart_says_whether_its_group_is_frozen_at_the_end() -> None:
    before, after = schedule(), schedule({"layer1": [[7, None]], "head": [[0, 2]]})
    old, new = (data_of_chart(each, 10, 0.0, View()) for each in (before, after))
    found = in_hand(f"{CHART}.ends", drawn(before), drawn(after), given=old)
    assert found == new["ends"]


def test_a_drag_begun_before_the_last_one_is_answered_moves_the_rates_of_that_answer() -> None:
    before, answer, after = (
        edits.set_groups(schedule(), {"head": {"lr_scale": scale}}) for scale in (1.0, 2.0, 4.0)
    )
    old, new = (data_of_chart(each, 10, 0.0, View()) for each in (answer, after))
    lines = in_hand(SECOND_DRAG, drawn(before), drawn(after), answer=drawn(answer), given=old)
    head, sent, expected = (
        [row["y"] for row in rows if row["group"] == "head"]
        for rows in (lines, old["lines"], new["lines"])
    )
    assert head == pytest.approx(expected)
    assert max(head) == pytest.approx(max(sent) * 4 / 2)
