"""Loss and accuracy of the runs that are compared, by epoch and by seconds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import pandas as pd
import streamlit as st

from core.runs.results import RunResults
from pages.components.compare import slot_style
from pages.components.shared import crosshair, frame
from pages.components.shared.chart_style import View, domain, finished
from pages.components.shared.crosshair import Line, Reading

Metric = Literal["accuracy", "loss"]
By = Literal["epoch", "seconds"]
_HEIGHT = 190
_FIELDS: Mapping[Metric, str] = {"accuracy": "validation_accuracy", "loss": "validation_loss"}


def metrics_cards(results: Mapping[str, RunResults]) -> None:
    """Draw the cards; `results` are those of the slots that are runs, by letter."""
    options = ("accuracy", "loss")
    metric: Metric = slot_style.head("How the runs went", results, "metric", options)
    view = View(frame.is_dark())
    table = metric_table(results, metric)
    if table.empty:
        st.caption("No epoch is over yet.")
        return
    axes: tuple[By, By] = ("epoch", "seconds")
    for by, column in zip(axes, st.columns(2, gap="small"), strict=True):
        title = f"Validation {metric} by {by}"
        with column, frame.card(f"metric-{by}", title):
            chart = _chart(table, results, metric, by, view)
            crosshair.show(chart, metric_reading(table, metric, by, view), f"metric-{by}", title)


def metric_table(results: Mapping[str, RunResults], metric: Metric) -> pd.DataFrame:
    """Return a row per run and finished epoch: letter, epoch (from 1), seconds, y, last."""
    rows = [
        {
            "letter": letter,
            "epoch": epoch.epoch + 1,
            "seconds": end,
            "y": getattr(epoch, _FIELDS[metric]),
            "last": epoch is result.epochs[-1],
        }
        for letter, result in results.items()
        for epoch, end in zip(result.epochs, result.epoch_end_seconds, strict=True)
    ]
    return pd.DataFrame(rows, columns=["letter", "epoch", "seconds", "y", "last"])


def metric_reading(table: pd.DataFrame, metric: Metric, by: By, view: View) -> Reading:
    """Return the tooltip of a chart: each run's figure of the last epoch that is over by then."""
    drawn = sorted(set(table[by].tolist()))
    digits = ".1%" if metric == "accuracy" else ".4f"
    lines: list[Line] = []
    for letter, rows in table.groupby("letter", sort=False):
        ends = rows[by].tolist()
        texts = [f"{r.y:{digits}} · epoch {r.epoch} · {r.seconds:.1f} s" for r in rows.itertuples()]
        lines.append(
            {
                "name": letter,
                "colour": view.role(slot_style.ROLES[letter]),
                "dashes": slot_style.DASHES[letter],
                "values": [texts[n - 1] if (n := bisect_right(ends, at)) else "–" for at in drawn],
            }
        )
    return {
        "ends": (0, _end(table, by)),
        "x": drawn,
        "places": [f"Epoch {at}" if by == "epoch" else f"{at:.1f} seconds" for at in drawn],
        "unit": f"Validation {metric}",
        "lines": lines,
    }


def _end(table: pd.DataFrame, by: By) -> float:
    """Return the end of the axis: with room for a letter and a figure behind the last point."""
    return float(table[by].max()) * 1.2


def _chart(
    table: pd.DataFrame, results: Mapping[str, RunResults], metric: Metric, by: By, view: View
) -> alt.LayerChart:
    letters = list(results)
    share = metric == "accuracy"
    ticks = {"tickMinStep": 1, "format": "d"} if by == "epoch" else {"format": ",.10~g"}
    x = alt.X(
        f"{by}:Q",
        axis=alt.Axis(title=None, tickCount=8, tickSize=0, labelPadding=8, **ticks),
        scale=domain(0, _end(table, by)),
    )
    axis = alt.Axis(title=None, tickCount=5, tickSize=0, domain=False, minExtent=36)
    if share:
        axis.format = ".0%"
    y = alt.Y("y:Q", axis=axis, scale=alt.Scale(zero=False, nice=True, padding=10))
    dash = alt.Scale(domain=letters, range=[list(slot_style.DASHES[each]) for each in letters])
    ink = alt.Scale(domain=letters, range=[view.role(slot_style.ROLES[each]) for each in letters])
    base = alt.Chart(table).encode(x=x, y=y)
    colour = alt.Color("letter:N", scale=ink, legend=None)
    lines = base.mark_line(strokeWidth=2).encode(
        color=colour, strokeDash=alt.StrokeDash("letter:N", scale=dash, legend=None)
    )
    points = base.mark_point(
        size=40, strokeWidth=1.6, opacity=1, filled=True, fill=view.role("card")
    ).encode(stroke=alt.Stroke("letter:N", scale=ink, legend=None))
    ends = table[table["last"]].assign(
        label=lambda t: [
            f"{r.letter} {r.y:.1%}" if share else f"{r.letter} {r.y:.3f}" for r in t.itertuples()
        ],
        above=lambda t: t["y"].rank(method="first") > 1,
    )
    labels = []
    for above in (True, False):
        marks: dict[str, Any] = {"align": "left", "dx": 8, "dy": -6 if above else 7}
        marks |= {"fontSize": 11.5, "fontWeight": 600}
        text = alt.Chart(ends[ends["above"] == above]).encode(x=x, y=y, text="label:N")
        halo = text.mark_text(**marks, stroke=view.role("card"), strokeWidth=4)
        labels += [halo, text.mark_text(**marks).encode(color=colour)]
    return finished(alt.layer(lines, *labels, points), view, _HEIGHT)
