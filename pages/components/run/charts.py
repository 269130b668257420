"""The charts of a run: planned against actual rates, loss and accuracy, as it goes."""

from __future__ import annotations

from bisect import bisect_right

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.runs.progress import RunProgress
from core.schedule import plan, sampling, words
from core.schedule.spec import Schedule
from core.schedule.words import epochs
from pages.components.shared import frame
from pages.components.shared.chart_style import (
    View,
    backdrop,
    domain,
    finished,
    group_legend,
    group_scale,
    joined,
    marked,
    rate_axis,
    rate_scale,
    reading,
    rule,
    whole_run,
)
from pages.components.shared.rate_chart import readings
from pages.components.shared.rate_layers import EPOCH, STEP
from pages.components.shared.rate_points import Columns, connected, rate_table

_HEIGHT = 170


def planned_chart(schedule: Schedule, steps_per_epoch: int) -> None:
    """Draw the rates that a run would have."""
    _rates_card(schedule, RunProgress(), steps_per_epoch, View(frame.is_dark()))


def run_charts(schedule: Schedule, progress: RunProgress, steps_per_epoch: int) -> None:
    """Draw the charts of rates, loss and accuracy in their cards."""
    view = View(frame.is_dark())
    _rates_card(schedule, progress, steps_per_epoch, view)
    loss, accuracy = st.columns(2, gap="small")
    with loss, frame.card("loss", "Loss", "grey train, green validation"):
        st.altair_chart(
            _loss(schedule, progress, steps_per_epoch, view), theme=None, key="run-loss"
        )
    with accuracy, frame.card("accuracy", "Accuracy", "grey train, green validation"):
        st.altair_chart(_accuracy(schedule, progress, view), theme=None, key="run-accuracy")


def _rates_card(
    schedule: Schedule, progress: RunProgress, steps_per_epoch: int, view: View
) -> None:
    with frame.card("rates", "Learning rate, planned and actual", "pale planned, line actual"):
        st.altair_chart(
            _rates(schedule, progress, steps_per_epoch, view), theme=None, key="run-rates"
        )


def actual_rates(schedule: Schedule, progress: RunProgress, steps_per_epoch: int) -> pd.DataFrame:
    """Return the optimizer's rates, a row per drawn step and group: x, epoch, group, y."""
    steps, done = progress.steps, len(progress.steps)
    turns = np.searchsorted(steps.step, sampling.corners(schedule, steps_per_epoch))
    places = np.union1d(sampling.evenly_spaced(done), turns[turns < done])
    where = {"x": steps.step[places] / steps_per_epoch, "epoch": steps.epoch[places]}
    lines = [
        pd.DataFrame({**where, "group": group, "y": steps.rates(group)[places]})
        for group in steps.lrs
    ]
    return pd.concat(lines) if lines else pd.DataFrame(columns=["x", "epoch", "group", "y"])


def held(rates: pd.DataFrame, steps_per_epoch: int) -> pd.DataFrame:
    """Return the rows and one more per line: a rate holds to the end of its step."""
    ends = rates.groupby(["group", "span"], sort=False).tail(1)
    return pd.concat([rates, ends.assign(x=ends["x"] + 1 / steps_per_epoch)])


def train_losses(progress: RunProgress, steps_per_epoch: int) -> pd.DataFrame:
    """Return the losses of as many steps as are drawn, with the lowest and highest ones: x, y."""
    places = sampling.extremes(progress.steps.loss)
    return pd.DataFrame(
        {"x": progress.steps.step[places] / steps_per_epoch, "y": progress.steps.loss[places]}
    )


def _rates(
    schedule: Schedule, progress: RunProgress, steps_per_epoch: int, view: View
) -> alt.LayerChart:
    table = rate_table(schedule, steps_per_epoch)
    trains = pd.DataFrame(connected(table, schedule.epochs))
    trains = trains[trains["trains"]].assign(group=lambda t: marked(t["group"]))
    x = whole_run(schedule.epochs)
    y = alt.Y(
        "y:Q", axis=rate_axis(table["y"], view, gutter=48), scale=rate_scale(table["y"], view)
    )
    colour = alt.Color("group:N", scale=group_scale(schedule, view), legend=group_legend(schedule))
    how = joined(schedule, steps_per_epoch)
    planned = alt.Chart(trains).mark_line(strokeWidth=5, opacity=0.28, interpolate=how)
    done = _training_only(actual_rates(schedule, progress, steps_per_epoch), schedule)
    done = held(done, steps_per_epoch).assign(group=lambda t: marked(t["group"]))
    actual = alt.Chart(done).mark_line(strokeWidth=1.8, interpolate=how)
    detail = ["group:N", "span:N"]
    layers = [
        *backdrop(schedule, 1, view),
        planned.encode(x=x, y=y, color=colour, detail=detail),
    ]
    if not done.empty:
        layers.append(actual.encode(x=x, y=y, color=colour, detail=detail))
    if progress.steps_done:
        now = pd.DataFrame({"x": [progress.steps_done / steps_per_epoch]})
        layers.append(rule(now, view.role("accent"), 1.5))
    layers.append(reading(rate_readings(schedule, table, progress), EPOCH, view))
    return finished(alt.layer(*layers), view, _HEIGHT)


def rate_readings(schedule: Schedule, table: Columns, progress: RunProgress) -> pd.DataFrame:
    """Return a row per drawn step with every group's rate as text: actual in past steps."""
    rows = readings(schedule, table).to_pandas()
    done = rows[STEP] < progress.steps_done
    rows.insert(2, "Rates", np.where(done, "actual", "planned"))
    places = np.searchsorted(progress.steps.step, rows.loc[done, STEP])
    places = np.minimum(places, max(len(progress.steps) - 1, 0))
    for group in schedule.groups:
        column = marked(group.name)
        actual = progress.steps.rates(group.name)[places].tolist()
        rows.loc[done, column] = [
            planned
            if np.isnan(lr)
            else f"{words.rate(lr)} frozen"
            if planned.endswith(" frozen")
            else words.rate(lr)
            for lr, planned in zip(actual, rows.loc[done, column], strict=True)
        ]
    return rows


def loss_readings(train: pd.DataFrame, progress: RunProgress) -> pd.DataFrame:
    """Return a row per drawn step with its batch's loss and the last validation loss, as text."""
    ends = progress.epochs
    rows = [(row.x, row.y) for row in train.itertuples()]
    if rows and ends:
        rows.append((float(ends[-1].epoch + 1), rows[-1][1]))
    before = [bisect_right(ends, x, key=lambda end: end.epoch + 1) for x, _ in rows]
    validation = [
        f"{ends[at - 1].validation_loss:.3f} after {epochs(at)}" if at else "none yet"
        for at in before
    ]
    return pd.DataFrame(
        {
            EPOCH: [round(x, 2) for x, _ in rows],
            "Training loss": [f"{loss:.3f}" for _, loss in rows],
            "Validation loss": validation,
        }
    )


def accuracy_readings(progress: RunProgress) -> pd.DataFrame:
    """Return a row per finished epoch with its accuracies as text."""
    rows = {
        EPOCH: [end.epoch + 1 for end in progress.epochs],
        "Training accuracy": [f"{end.train_accuracy:.1%}" for end in progress.epochs],
        "Validation accuracy": [f"{end.validation_accuracy:.1%}" for end in progress.epochs],
    }
    if progress.started is not None:
        rows["Majority class"] = [f"{progress.started.majority_accuracy:.1%}"] * len(
            progress.epochs
        )
    return pd.DataFrame(rows)


def _training_only(rates: pd.DataFrame, schedule: Schedule) -> pd.DataFrame:
    """Return the rows in which the group trains, with the index of their window as `span`."""
    rates["span"] = -1
    for group in schedule.groups:
        for number, (start, end) in enumerate(plan.training_spans(group, schedule.epochs)):
            within = rates["epoch"].between(start, end, inclusive="left")
            rates.loc[within & (rates["group"] == group.name), "span"] = number
    return rates[(rates["span"] >= 0) & rates["y"].notna()]


def _loss(
    schedule: Schedule, progress: RunProgress, steps_per_epoch: int, view: View
) -> alt.LayerChart:
    train = train_losses(progress, steps_per_epoch)
    validation = _by_epoch(progress, "validation_loss")
    axis = alt.Axis(title=None, tickCount=5, tickSize=0)
    return _metric(schedule, train, validation, [], loss_readings(train, progress), view, axis)


def _accuracy(schedule: Schedule, progress: RunProgress, view: View) -> alt.LayerChart:
    train = _by_epoch(progress, "train_accuracy")
    validation = _by_epoch(progress, "validation_accuracy")
    baselines = []
    if progress.started is not None:
        share = progress.started.majority_accuracy
        baselines = [(share, f"majority class {share:.1%}")]
    axis = alt.Axis(title=None, format=".0%", tickCount=5, tickSize=0)
    accuracies = accuracy_readings(progress)
    return _metric(schedule, train, validation, baselines, accuracies, view, axis, domain(0, 1))


def _by_epoch(progress: RunProgress, field: str) -> pd.DataFrame:
    """Return a field of each finished epoch as y, where the epoch ends as x."""
    rows = [(end.epoch + 1, getattr(end, field)) for end in progress.epochs]
    return pd.DataFrame(rows, columns=["x", "y"])


def _metric(
    schedule: Schedule,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    baselines: list[tuple[float, str]],
    read: pd.DataFrame,
    view: View,
    axis: alt.Axis,
    scale: alt.Scale | None = None,
) -> alt.LayerChart:
    x = whole_run(schedule.epochs)
    empty = train.empty and validation.empty
    y = alt.Y("y:Q", axis=axis, scale=scale or (domain(0, 1) if empty else alt.Scale(zero=True)))
    # Vega asks the data for their extent, and a screen reader for a name of every layer with none.
    layers = backdrop(schedule, 1, view)
    if not train.empty:
        line = alt.Chart(train).mark_line(color=view.role("text-3"), strokeWidth=1.2)
        layers.append(line.encode(x=x, y=y))
    if not validation.empty:
        marked = alt.Chart(validation).encode(x=x, y=y)
        points = marked.mark_point(
            stroke=view.role("accent"), fill=view.role("card"), size=44, strokeWidth=1.6, opacity=1
        )
        layers += [marked.mark_line(color=view.role("accent"), strokeWidth=2), points]
    if empty:
        corners = pd.DataFrame({"x": [0, schedule.epochs], "y": [0, 1]})
        layers.append(alt.Chart(corners).mark_line(opacity=0).encode(x=x, y=y))
    for value, label in baselines:
        line = pd.DataFrame({"x": [schedule.epochs], "y": [value], "label": [label]})
        layers.append(
            alt.Chart(line).mark_rule(color=view.role("text-3"), strokeDash=[2, 3]).encode(y=y)
        )
        layers.append(
            alt.Chart(line)
            .mark_text(align="right", dy=-7, fontSize=11, color=view.role("text-2"))
            .encode(x=x, y=y, text="label:N")
        )
    if not read.empty:
        layers.append(reading(read, EPOCH, view))
    return finished(alt.layer(*layers), view, _HEIGHT)
