"""The confusion matrix of a run: a heat map, how each class fared, and all counts as a table."""

from __future__ import annotations

from html import escape

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.runs.predictions import Predictions, confusion
from pages.components.shared import frame
from pages.components.shared.chart_style import View, finished

Counts = NDArray[np.int64]
_WITH_TEXT, _WITH_CHART = 14, 80
"""Classes up to which cells carry their numbers, and up to which there is a matrix at all."""
_CELL, _LOWEST, _HIGHEST = 34, 150, 520
_DARK_GROUND = 0.72
"""Share of its row from which a cell is so dark that its number is white."""
_COUNT, _SHARE = "count", "% of row"


def confusion_card(predictions: Predictions) -> None:
    """Draw the card."""
    counts = confusion(predictions)
    right = int(np.trace(counts))
    aside = f"{right:,} of {len(predictions.images):,} right, after the last epoch"
    with frame.card("confusion", "Confusion", aside):
        left, beside = st.columns([3, 2], gap="medium")
        with beside:
            st.html(fared_table(predictions.classes, counts))
        with left:
            if len(predictions.classes) > _WITH_CHART:
                st.caption(f"More than {_WITH_CHART} classes: see the table for what was confused.")
                return
            unit = frame.view_switch("Cells", (_COUNT, _SHARE), "confusion-unit")
            chart = _chart(cells(predictions.classes, counts), predictions.classes, unit)
            st.altair_chart(chart, theme=None, key="confusion-chart")
        with st.expander("All counts as a table", key="confusion-open", type="compact"):
            st.html(matrix_table(predictions.classes, counts))


def cells(classes: tuple[str, ...], counts: Counts) -> pd.DataFrame:
    """Return a row per cell: true, predicted, count, and its share of the true class (0 to 1)."""
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    size = len(classes)
    return pd.DataFrame(
        {
            "true": np.repeat(np.arange(size), size),
            "predicted": np.tile(np.arange(size), size),
            "true class": np.repeat(np.array(classes, dtype=object), size),
            "predicted class": np.tile(np.array(classes, dtype=object), size),
            "count": counts.ravel(),
            "share": shares.ravel(),
        }
    )


def fared_table(classes: tuple[str, ...], counts: Counts) -> str:
    """Return a row per class as HTML, the worst first: images, share right, most common mistake."""
    rows = "".join(_fared(classes, counts, at) for at in worst_first(counts))
    return (
        '<div class="thaw-scroll" tabindex="0" role="region" aria-label="How each class fared">'
        '<table class="thaw-classes"><thead><tr><th scope="col">Class</th><th scope="col">Images'
        '</th><th scope="col">Right</th><th scope="col">Mostly taken for</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def worst_first(counts: Counts) -> list[int]:
    """Return the classes that have images, by the share of them that is right, the lowest first."""
    rows = counts.sum(axis=1)
    shares = counts.diagonal() / np.maximum(rows, 1)
    places: list[int] = np.argsort(shares, kind="stable").tolist()
    return [at for at in places if rows[at]]


def _fared(classes: tuple[str, ...], counts: Counts, at: int) -> str:
    images, right = int(counts[at].sum()), int(counts[at, at])
    others = counts[at].copy()
    others[at] = 0
    most = int(others.argmax())
    mostly = f"{escape(classes[most])} ({others[most]:,})" if others[most] else "–"
    name = escape(classes[at])
    return (
        f'<tr><th scope="row" title="{name}">{name}</th><td>{images:,}</td>'
        f"<td>{right / images:.0%}</td><td>{mostly}</td></tr>"
    )


def matrix_table(classes: tuple[str, ...], counts: Counts) -> str:
    """Return the whole matrix as HTML: a row per true class, with counts and shares of the row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(
            f"<td>{count:,}<small>{share:.0%}</small></td>"
            for count, share in zip(counts[at].tolist(), shares[at].tolist(), strict=True)
        )
        + "</tr>"
        for at, name in enumerate(classes)
    )
    return (
        '<div class="thaw-scroll" tabindex="0" role="region" aria-label="Confusion matrix">'
        '<table class="thaw-matrix"><caption>Rows are the true classes, columns what they were '
        "taken for: images, and the share of the row.</caption>"
        f'<thead><tr><th scope="col">true \\ predicted</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _chart(table: pd.DataFrame, classes: tuple[str, ...], unit: str) -> alt.LayerChart:
    view = View(frame.is_dark())
    size = len(classes)
    # places, not names, so that two classes that are shown alike stay two
    names = alt.Axis(
        title=None,
        labelExpr=f"{_js(classes)}[datum.value]",
        labelLimit=96,
        labelOverlap=size > _WITH_TEXT,
        tickSize=0,
        domain=False,
        titleFontSize=11,
        titleFontWeight="normal",
        titleColor=view.role("text-3"),
    )
    below = names.copy()
    below["labelAngle"] = -40 if size > 4 else 0
    below["title"], names["title"] = "predicted", "true"
    base = alt.Chart(table).encode(
        x=alt.X("predicted:O", axis=below, scale=alt.Scale(padding=0.04)),
        y=alt.Y("true:O", axis=names, scale=alt.Scale(padding=0.04)),
        tooltip=[
            alt.Tooltip("true class:N", title="True"),
            alt.Tooltip("predicted class:N", title="Predicted"),
            alt.Tooltip("count:Q", title="Images", format=",d"),
            alt.Tooltip("share:Q", title="Share of row", format=".1%"),
        ],
    )
    shade = alt.Scale(
        domain=[0, 1],
        type="sqrt",
        range=[view.role("sunk"), view.role("accent-fill")],
        interpolate="rgb",
    )
    layers = [
        base.mark_rect(cornerRadius=3).encode(color=alt.Color("share:Q", scale=shade, legend=None))
    ]
    if size <= _WITH_TEXT:
        shown = "datum.count" if unit == _COUNT else "datum.share * 100"
        number = base.transform_filter("datum.count > 0").transform_calculate(
            label=f"format({shown}, '{',d' if unit == _COUNT else '.0f'}')"
        )
        dark = alt.condition(
            f"datum.share >= {_DARK_GROUND}",
            alt.value(view.role("on-accent")),
            alt.value(view.role("text")),
        )
        layers.append(
            number.mark_text(fontSize=12 if size <= 12 else 10).encode(text="label:N", color=dark)
        )
    height = min(_HIGHEST, max(_LOWEST, _CELL * size + 60))
    return finished(alt.layer(*layers), view, height)


def _js(classes: tuple[str, ...]) -> str:
    """Return the names as a list in Vega's expressions, each character of which is text alone."""
    quoted = (
        "".join(
            c if c.isascii() and c.isalnum() else "".join(f"\\u{u:04x}" for u in _units(c))
            for c in name
        )
        for name in classes
    )
    return "[" + ",".join(f"'{name}'" for name in quoted) + "]"


def _units(c: str) -> list[int]:
    raw = c.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]
