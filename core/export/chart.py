"""The chart of a schedule: when each group trains, and at which rates.

It is a Vega-Lite document, or a picture of that drawn without browser or network, as SVG or PNG.
"""

from __future__ import annotations

import math
from typing import Any

from core.errors import ExportError
from core.export.drawing import Kind
from core.export.export_result import FILE, Exported, ExportSource, Limitation
from core.export.palette import ROLES, group_colours
from core.schedule import curves, parse, plan
from core.schedule.sampling import steps_to_draw
from core.schedule.spec import Schedule

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_WIDTH, _HEIGHT = 640, 220  # pixels
_MAX_HEIGHT, _ROW_HEIGHT = 960, 24  # of the timeline, and of each of its rows
_DECADES = 7
_MAX_GROUPS = 128
_LIGHT = 0
_NAME = "schedule_name"
_SVG_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- Made with Thaw -->\n'
PRESERVED = "every group's windows, and its rate at every step that is drawn"
_FONT = "Inter, Helvetica, Arial, sans-serif"

Json = dict[str, Any]


def export(source: ExportSource) -> Exported:
    """Return the document as JSON text that contains its data."""
    text = parse.pretty(vega_lite(source.schedule, source.steps_per_epoch))
    usage = f'import altair\n\naltair.Chart.from_json(open({FILE}).read()).save("chart.html")\n'
    return Exported(text, limitations(source.schedule), usage=usage, preserved=PRESERVED)


def svg(source: ExportSource) -> Exported:
    """Return the chart as SVG text."""
    return _picture(source, f"{_SVG_HEAD}{draw_svg(source)}")


def png(source: ExportSource) -> Exported:
    """Return the chart as the bytes of a PNG, twice as large as on the page."""
    return _picture(source, _draw(source, "png"))


def draw_svg(source: ExportSource) -> str:
    """Return the chart as an `<svg>` element, all text escaped in it."""
    return _draw(source, "svg").decode()


def _draw(source: ExportSource, kind: Kind) -> bytes:
    return source.draw(vega_lite(source.schedule, source.steps_per_epoch), kind)


def _picture(source: ExportSource, content: str | bytes) -> Exported:
    return Exported(content, limitations(source.schedule), preserved=PRESERVED)


def limitations(schedule: Schedule) -> tuple[Limitation, ...]:
    """Return what any picture of the schedule leaves out."""
    return (
        Limitation(
            "groups[].modules",
            "A picture names groups, not the layers in them",
            "put the table beside it, as Markdown or LaTeX",
        ),
        Limitation(
            "optimizer",
            f"{schedule.optimizer.name} and its weight decay are not in the picture",
            "state them in its caption",
        ),
    )


def vega_lite(schedule: Schedule, steps_per_epoch: int) -> Json:
    """Return the timeline, with the head on top, over the rates, in light colours.

    Both have the same axis of epochs. Raises ExportError for more groups than can be told apart.
    """
    if len(schedule.groups) > _MAX_GROUPS:
        way_out = f"merge some: a picture shows at most {_MAX_GROUPS}"
        raise ExportError("groups", f"are {len(schedule.groups)}", way_out)
    names = [group.name for group in schedule.groups]
    colours = [pair[_LIGHT] for pair in group_colours(len(names))]
    scale = {"domain": names, "range": colours}
    colour = {"field": "group", "type": "nominal", "legend": None, "scale": scale}
    return {
        "$schema": SCHEMA,
        # a text that Vega reads as an expression may not be a word such as `constructor`
        "params": [{"name": _NAME, "value": schedule.name}],
        "title": {"text": {"expr": _NAME}, "anchor": "start", "fontWeight": 600},
        "background": _role("card"),
        "padding": 12,
        "vconcat": [_timeline(schedule, colour), _rates(schedule, steps_per_epoch, colour)],
        "resolve": {"scale": {"x": "shared"}},
        "config": {
            "font": _FONT,
            "view": {"stroke": None},
            "axis": {"gridColor": _role("gridline"), "labelColor": _role("text-2")},
        },
    }


def _timeline(schedule: Schedule, colour: Json) -> Json:
    """Return a row per group, pale where it is frozen and in its colour where it trains."""
    head_first = [group.name for group in reversed(schedule.groups)]
    training_spans = [
        {"group": group.name, "start": start, "end": end}
        for group in schedule.groups
        for start, end in plan.training_spans(group, schedule.epochs)
    ]
    whole = [{"group": name, "start": 0, "end": schedule.epochs} for name in head_first]
    y = {
        "field": "group",
        "type": "nominal",
        # a list to sort by would become code, which not every name can be part of
        "sort": None,
        "scale": {"domain": head_first},
        "axis": {"title": None, "ticks": False, "domain": False, "labelLimit": 160},
    }
    x = {**_time(schedule), "field": "start", "axis": None}
    bar = {"type": "bar", "height": {"band": 0.7}, "cornerRadius": 3}
    return {
        "width": _WIDTH,
        "height": min(_ROW_HEIGHT * len(head_first), _MAX_HEIGHT),
        "layer": [
            {
                "data": {"values": whole},
                "mark": {**bar, "color": _role("hatch-stroke")},
                "encoding": {"y": y, "x": x, "x2": {"field": "end"}},
            },
            {
                "data": {"values": training_spans},
                "mark": bar,
                "encoding": {"y": y, "x": x, "x2": {"field": "end"}, "color": colour},
            },
        ],
    }


def _rates(schedule: Schedule, steps_per_epoch: int, colour: Json) -> Json:
    """Return the rate of every group: a line where it trains, dashes where it is frozen."""
    rows = points(schedule, steps_per_epoch)
    scale = _scale([row["rate"] for row in rows])
    encoding = {
        "x": {
            **_time(schedule),
            "field": "epoch",
            "axis": {"title": "epoch", "tickMinStep": 1, "grid": False},
        },
        "y": {
            "field": "rate",
            "type": "quantitative",
            "scale": scale,
            "axis": {"title": "learning rate", "format": ".0e", **_powers(scale)},
        },
        "color": colour,
        "detail": {"field": "span", "type": "nominal"},
    }
    interpolation = "step-after" if schedule.lr.interval == "epoch" else "linear"
    line = {"type": "line", "interpolate": interpolation}
    frozen = {**line, "strokeDash": [2, 4], "strokeWidth": 1.2, "opacity": 0.7}
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "data": {"values": rows},
        "layer": [
            {"transform": [{"filter": "!datum.trains"}], "mark": frozen, "encoding": encoding},
            {
                "transform": [{"filter": "datum.trains"}],
                "mark": {**line, "strokeWidth": 2.2},
                "encoding": encoding,
            },
        ],
    }


def points(schedule: Schedule, steps_per_epoch: int) -> list[Json]:
    """Return the points of the rate chart: as many steps of each group as a screen can show.

    `span` numbers the spans in which a group trains or is frozen; each reaches to the next one.
    """
    steps = steps_to_draw(schedule, steps_per_epoch)
    rates = curves.rates_of_steps(schedule, steps, steps_per_epoch)
    rows: list[Json] = []
    for group, lrs in zip(schedule.groups, rates.tolist(), strict=True):
        span, before = 0, plan.trains_in(group, 0)
        for step, rate in zip(steps.tolist(), lrs, strict=True):
            row = {"group": group.name, "epoch": step / steps_per_epoch, "rate": rate}
            trains = plan.trains_in(group, step // steps_per_epoch)
            if trains != before:
                rows.append({**row, "trains": before, "span": span})
                span, before = span + 1, trains
            rows.append({**row, "trains": trains, "span": span})
        rows.append({**rows[-1], "epoch": schedule.epochs})
    return rows


def _time(schedule: Schedule) -> Json:
    scale = {"domain": [0, schedule.epochs], "nice": False, "zero": False}
    return {"type": "quantitative", "scale": scale}


def _scale(rates: list[float]) -> Json:
    """Return a logarithmic scale of at most seven powers of ten, or a linear one where all is 0."""
    high, positive = max(rates), [rate for rate in rates if rate > 0]
    if not positive:
        return {"type": "linear"}
    low = max(min(positive) * 0.8, high * 10.0**-_DECADES)
    return {"type": "log", "domain": [low, high * 1.25], "nice": False, "clamp": True}


def _powers(scale: Json) -> Json:
    """Return the powers of ten on the axis of a logarithmic scale."""
    if scale["type"] == "linear":
        return {}
    low, high = (math.log10(edge) for edge in scale["domain"])
    return {"values": [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]}


def _role(name: str) -> str:
    return ROLES[name][_LIGHT]
