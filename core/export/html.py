"""A schedule as a one-page HTML report that opens without a network and runs no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files

from core import checks
from core.errors import one_line
from core.export import chart, rows
from core.export.export_result import Exported, ExportSource, Limitation
from core.export.palette import group_colours
from core.models import costs
from core.models.layer_table import MEASURED_AT
from core.schedule import budget
from core.schedule.words import from_to

_STYLE = files("core.export") / "report.css"


def export(source: ExportSource) -> Exported:
    """Return the report: chart, facts, groups, costs by phase, problems, and the run it cites."""
    schedule = source.schedule
    name = _text(schedule.name)
    parts = [
        f"<h1>{name}</h1>",
        _section("When groups train, and at which rate", chart.draw_svg(source)),
        _section("The schedule", _list(rows.in_words(schedule))),
        _section("Groups", _groups(source)),
        _phases(source),
        _section("Problems", _problems(source)),
        _section("Results and audit of a run", _run(source.run)),
    ]
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{name}</title>
<style>
{_STYLE.read_text(encoding="utf-8").strip()}
</style>
</head>
<body>
{"".join(parts)}
<footer>Made with Thaw (thaw.schedule {schedule.version}). Epochs count from 0.</footer>
</body>
</html>
"""
    return Exported(
        page, _limitations(source), preserved=f"{rows.PRESERVED}, and what is wrong with them"
    )


def _limitations(source: ExportSource) -> tuple[Limitation, ...]:
    limitations = list(rows.limitations())
    if source.table is None:
        instead = "the report has neither sizes nor costs"
        limitations.append(Limitation("model.name", "The model has no layer table yet", instead))
    if not source.run:
        instead = "it has no results and no audit; choose a finished run, or name one with --run"
        limitations.append(Limitation("the run", "The report cites no run", instead))
    return tuple(limitations)


def _groups(source: ExportSource) -> str:
    schedule = source.schedule
    lines = []
    shares = budget.budgets(schedule)
    colours = group_colours(len(schedule.groups))
    for row, share, (light, _) in zip(rows.rows(source), shares, colours, strict=True):
        size = "" if row.parameters is None else f"{row.parameters:,}"
        spent = ("–", "–") if share is None else (f"{share.epochs:.0%}", f"{share.learning:.0%}")
        swatch = f'<i style="background:{light}"></i>'
        cells = (_text(", ".join(row.modules)), size, rows.rate(row.peak), row.trains(), *spent)
        lines.append([f"{swatch}{_text(row.name)}", *cells])
    return _table((*rows.COLUMNS, "share of epochs", "share of learning"), reversed(lines))


def _phases(source: ExportSource) -> str:
    if source.table is None:
        return ""
    phases = costs.costs(source.table, source.schedule, MEASURED_AT).phases
    lines = [
        (
            from_to(p.start, p.end - 1),
            f"{p.trainable:,}",
            f"{p.memory / 1e6:,.0f} MB",
            f"{p.forward / 1e9:,.2f}",
            f"{p.backward / 1e9:,.2f}",
        )
        for p in phases
    ]
    columns = ("epochs", "parameters train", "gradients, optimizer", "GFLOPs forward", "backward")
    note = f"<p>FLOPs of an image of {MEASURED_AT} px, without the frozen-part cache.</p>"
    return _section("Cost by phase", _table(columns, lines) + note)


def _problems(source: ExportSource) -> str:
    problems = checks.problems(
        source.schedule, source.table, steps_per_epoch=source.steps_per_epoch
    )
    if not problems:
        return "<p>None was found.</p>"
    lines = (
        f'<li class="{p.severity}"><b>{p.severity}</b> {_text(p.message)} [{p.code}]</li>'
        for p in problems
    )
    return f"<ul>{''.join(lines)}</ul>"


def _run(run: Sequence[tuple[str, str]]) -> str:
    return _list(run) if run else "<p>No run is cited.</p>"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>\n{content}</section>\n"


def _list(facts: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"<dt>{_text(what)}</dt><dd>{_text(value)}</dd>" for what, value in facts)
    return f"<dl>{lines}</dl>"


def _table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>\n" for line in lines)
    return f"<div><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"


def _text(text: str) -> str:
    return escape(one_line(text))
