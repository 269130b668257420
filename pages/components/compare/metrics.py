"""Loss and accuracy of the runs that are compared, by epoch and by seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import pandas as pd
import streamlit as st

from core.runs.results import RunResults
from pages.components.compare import slot_style
from pages.components.shared import frame
from pages.components.shared.chart_style import View, domain, finished, nearest

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
        with column, frame.card(f"metric-{by}", f"Validation {metric} by {by}"):
            chart = _chart(table, results, metric, by, view)
            st.altair_chart(chart, theme=None, key=f"metric-{by}", width="stretch")


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


def _chart(
    table: pd.DataFrame, results: Mapping[str, RunResults], metric: Metric, by: By, view: View
) -> alt.LayerChart:
    letters = list(results)
    share = metric == "accuracy"
    last = float(table[by].max())
    ticks = {"tickMinStep": 1, "format": "d"} if by == "epoch" else {"format": ",.10~g"}
    x = alt.X(
        f"{by}:Q",
        axis=alt.Axis(title=None, tickCount=8, tickSize=0, labelPadding=8, **ticks),
        scale=domain(0, last * 1.2),  # room for the letter and the figure behind the last point
    )
    axis = alt.Axis(title=None, tickCount=5, tickSize=0, domain=False, minExtent=36)
    if share:
        axis.format = ".0%"
    y = alt.Y("y:Q", axis=axis, scale=alt.Scale(zero=False, nice=True, padding=10))
    dash = alt.Scale(domain=letters, range=[list(slot_style.DASHES[each]) for each in letters])
    ink = alt.Scale(domain=letters, range=[view.role(slot_style.ROLES[each]) for each in letters])
    tip = [
        alt.Tooltip("letter:N", title="Run"),
        alt.Tooltip("epoch:Q", title="Epoch", format="d"),
        alt.Tooltip("seconds:Q", title="Seconds", format=".1f"),
        alt.Tooltip("y:Q", title=metric.capitalize(), format=".1%" if share else ".4f"),
    ]
    base = alt.Chart(table).encode(x=x, y=y)
    colour = alt.Color("letter:N", scale=ink, legend=None)
    lines = base.mark_line(strokeWidth=2).encode(
        color=colour, strokeDash=alt.StrokeDash("letter:N", scale=dash, legend=None)
    )
    points = (
        base.mark_point(size=40, strokeWidth=1.6, opacity=1, filled=True, fill=view.role("card"))
        .encode(stroke=alt.Stroke("letter:N", scale=ink, legend=None), tooltip=tip)
        .add_params(nearest("x", "y"))
    )
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
