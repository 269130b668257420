"""The charts of a run: planned against actual rates, loss and accuracy, as it goes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from core.runs.progress import RunProgress
from core.schedule import plan, sampling
from core.schedule.spec import Schedule
from core.schedule.words import epochs
from pages.components.shared import crosshair, frame
from pages.components.shared.chart_style import (
    View,
    backdrop,
    colours_of,
    domain,
    finished,
    group_scale,
    joined,
    rate_axis,
    rate_scale,
    rule,
    whole_run,
    with_data,
)
from pages.components.shared.crosshair import Line, Reading
from pages.components.shared.rates.points import connected, rate_table

_HEIGHT = 170
_MAJORITY_DASHES = [2, 3]


def planned_chart(schedule: Schedule, steps_per_epoch: int) -> None:
    """Draw the rates that a run would have."""
    _rates_card(schedule, RunProgress(), steps_per_epoch, View(frame.is_dark()))


def run_charts(schedule: Schedule, progress: RunProgress, steps_per_epoch: int) -> None:
    """Draw the charts of rates, loss and accuracy in their cards."""
    view = View(frame.is_dark())
    _rates_card(schedule, progress, steps_per_epoch, view)
    of = (schedule, progress, steps_per_epoch, view)
    loss, accuracy = st.columns(2, gap="small")
    with loss, frame.card("loss", "Loss"):
        crosshair.show(_loss(*of), loss_reading(*of), "run-loss", "Loss over the run", legend=True)
    with accuracy, frame.card("accuracy", "Accuracy"):
        chart, reading = _accuracy(schedule, progress, view), accuracy_reading(*of)
        crosshair.show(chart, reading, "run-accuracy", "Accuracy over the run", legend=True)


def _rates_card(
    schedule: Schedule, progress: RunProgress, steps_per_epoch: int, view: View
) -> None:
    title, of = "Learning rate, planned and actual", (schedule, progress, steps_per_epoch, view)
    with frame.card("rates", title, "pale planned, line actual"):
        crosshair.show(_rates(*of), rate_reading(*of), "run-rates", title, legend=True)


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
) -> dict[str, Any]:
    table = rate_table(schedule, steps_per_epoch)
    planned = pd.DataFrame(connected(table, schedule.epochs))
    done = _training_only(actual_rates(schedule, progress, steps_per_epoch), schedule)
    now = [progress.steps_done / steps_per_epoch] if progress.steps_done else []
    data = _present(
        planned=planned[planned["trains"]],
        actual=held(done, steps_per_epoch),
        now=pd.DataFrame({"x": now}),
    )
    return with_data(_rates_layers(schedule, steps_per_epoch, view, tuple(data)), data)


@lru_cache(maxsize=16)
def _rates_layers(
    schedule: Schedule, steps_per_epoch: int, view: View, there: tuple[str, ...]
) -> str:
    """Return the chart of the data sets that are `there`, as JSON without them."""
    rates = rate_table(schedule, steps_per_epoch)["y"]
    line: dict[str, Any] = {
        "x": whole_run(schedule.epochs),
        "y": alt.Y("y:Q", axis=rate_axis(rates, view, gutter=48), scale=rate_scale(rates, view)),
        "color": alt.Color("group:N", scale=group_scale(schedule, view), legend=None),
        "detail": ["group:N", "span:N"],
    }
    how = joined(schedule, steps_per_epoch)
    planned = _of("planned").mark_line(strokeWidth=5, opacity=0.28, interpolate=how)
    actual = _of("actual").mark_line(strokeWidth=1.8, interpolate=how)
    layers = {
        "planned": [planned.encode(**line)],
        "actual": [actual.encode(**line)],
        "now": [rule(alt.NamedData(name="now"), view.role("accent"), 1.5)],
    }
    return _layered(schedule, layers, there, view)


def _of(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name))


def _present(**rows: pd.DataFrame) -> dict[str, pa.Table]:
    """Return the data sets that have rows, as Arrow.

    Of one that has none Vega would ask the extent.
    """
    return {
        name: pa.Table.from_pandas(each, preserve_index=False)
        for name, each in rows.items()
        if len(each)
    }


def _layered(
    schedule: Schedule, layers: Mapping[str, list[alt.Chart]], there: tuple[str, ...], view: View
) -> str:
    """Return a chart, as JSON, of the layers of the data sets that are `there`."""
    above = [layer for name in there for layer in layers[name]]
    chart = alt.layer(*backdrop(schedule, 1, view), *above)
    return finished(chart, view, _HEIGHT).to_json(indent=None)


def rate_reading(
    schedule: Schedule, progress: RunProgress, steps_per_epoch: int, view: View
) -> Reading:
    """Return the tooltip of the rates: actual ones in past steps, else planned ones."""
    table = rate_table(schedule, steps_per_epoch)
    names = [group.name for group in schedule.groups]
    count = len(table["t"]) // len(names)
    drawn, rates = table["step"][:count], table["lr"].reshape(len(names), -1).copy()
    done = drawn < progress.steps_done
    at = np.minimum(
        np.searchsorted(progress.steps.step, drawn[done]), max(len(progress.steps) - 1, 0)
    )
    for name, row in zip(names, rates, strict=True):
        actual = progress.steps.rates(name)[at]
        row[done] = np.where(np.isnan(actual), row[done], actual)
    where = crosshair.places(schedule, table["t"][:count], steps_per_epoch)
    return {
        "ends": (0, schedule.epochs),
        "x": table["t"][:count].tolist(),
        "places": [
            f"{place} · {'actual' if past else 'planned'}"
            for place, past in zip(where, done.tolist(), strict=True)
        ],
        "unit": "Learning rate",
        "lines": crosshair.rate_lines(colours_of(names, view), {**table, "lr": rates.ravel()}),
    }


def loss_reading(
    schedule: Schedule, progress: RunProgress, steps_per_epoch: int, view: View
) -> Reading:
    """Return the tooltip of the losses: a step's batch, and the last validation before it."""
    train, ends = train_losses(progress, steps_per_epoch), progress.epochs
    x, batch = train["x"].tolist(), [f"{loss:.3f}" for loss in train["y"]]
    if x and ends and (last := float(ends[-1].epoch + 1)) > x[-1]:
        x, batch = [*x, last], [*batch, batch[-1]]
    before = [bisect_right(ends, at, key=lambda end: end.epoch + 1) for at in x]
    validation = [
        f"{ends[n - 1].validation_loss:.3f} after {epochs(n)}" if n else "none yet" for n in before
    ]
    return {
        "ends": (0, schedule.epochs),
        "x": x,
        "places": crosshair.places(schedule, np.array(x), steps_per_epoch),
        "unit": "Loss, mean per image",
        "lines": _metric_lines(view, {"Training": batch, "Validation": validation}),
    }


def accuracy_reading(
    schedule: Schedule, progress: RunProgress, steps_per_epoch: int, view: View
) -> Reading:
    """Return the tooltip of the accuracies after each finished epoch."""
    ends = progress.epochs
    lines = {
        "Training": [f"{end.train_accuracy:.1%}" for end in ends],
        "Validation": [f"{end.validation_accuracy:.1%}" for end in ends],
    }
    if progress.started is not None:
        lines["Majority class"] = [f"{progress.started.majority_accuracy:.1%}"] * len(ends)
    read = _metric_lines(view, lines)
    for line in read[2:]:  # which has its name in the chart
        line["dashes"] = _MAJORITY_DASHES
    x = np.array([end.epoch + 1.0 for end in ends])
    return {
        "ends": (0, schedule.epochs),
        "x": x.tolist(),
        # a hair earlier, so that an epoch's results are in its own phase, not in the next
        "places": crosshair.places(schedule, x - 1e-6, steps_per_epoch),
        "unit": "Accuracy",
        "lines": read,
    }


def _metric_lines(view: View, values: Mapping[str, list[str]]) -> list[Line]:
    grey, accent = view.role("text-3"), view.role("accent")
    return [
        Line(name=name, colour=accent if name == "Validation" else grey, values=texts)
        for name, texts in values.items()
    ]


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
) -> dict[str, Any]:
    data = {
        "train": train_losses(progress, steps_per_epoch),
        "validation": _by_epoch(progress, "validation_loss"),
    }
    return _metric(schedule, data, view, as_share=False)


def _accuracy(schedule: Schedule, progress: RunProgress, view: View) -> dict[str, Any]:
    data = {
        "train": _by_epoch(progress, "train_accuracy"),
        "validation": _by_epoch(progress, "validation_accuracy"),
    }
    if progress.started is not None:
        share = progress.started.majority_accuracy
        label = f"majority class {share:.1%}"
        rows = {"x": [schedule.epochs], "y": [share], "label": [label]}
        data["majority"] = pd.DataFrame(rows)
    return _metric(schedule, data, view, as_share=True)


def _by_epoch(progress: RunProgress, field: str) -> pd.DataFrame:
    """Return a field of each finished epoch as y, where the epoch ends as x."""
    rows = [(end.epoch + 1, getattr(end, field)) for end in progress.epochs]
    return pd.DataFrame(rows, columns=["x", "y"])


def _metric(
    schedule: Schedule, data: Mapping[str, pd.DataFrame], view: View, *, as_share: bool
) -> dict[str, Any]:
    empty = data["train"].empty and data["validation"].empty
    corners = {"x": [0, schedule.epochs], "y": [0, 1]} if empty else {}
    given = _present(corners=pd.DataFrame(corners), **data)
    return with_data(_metric_layers(schedule, view, tuple(given), as_share), given)


@lru_cache(maxsize=16)
def _metric_layers(schedule: Schedule, view: View, there: tuple[str, ...], as_share: bool) -> str:
    """Return the chart of the data sets that are `there`, as JSON without them."""
    fixed = as_share or "corners" in there
    x = whole_run(schedule.epochs)
    axis = alt.Axis(
        title=None, tickCount=5, tickSize=0, format=".0%" if as_share else alt.Undefined
    )
    y = alt.Y("y:Q", axis=axis, scale=domain(0, 1) if fixed else alt.Scale(zero=True))
    grey, accent = view.role("text-3"), view.role("accent")
    validation, majority = _of("validation").encode(x=x, y=y), _of("majority")
    points = validation.mark_point(
        stroke=accent, fill=view.role("card"), size=44, strokeWidth=1.6, opacity=1
    )
    label = majority.mark_text(align="right", dy=-7, fontSize=11, color=view.role("text-2"))
    layers = {
        "corners": [_of("corners").mark_line(opacity=0).encode(x=x, y=y)],
        "train": [_of("train").mark_line(color=grey, strokeWidth=1.2).encode(x=x, y=y)],
        "validation": [validation.mark_line(color=accent, strokeWidth=2), points],
        "majority": [
            majority.mark_rule(color=grey, strokeDash=_MAJORITY_DASHES).encode(y=y),
            label.encode(x=x, y=y, text="label:N"),
        ],
    }
    return _layered(schedule, layers, there, view)
