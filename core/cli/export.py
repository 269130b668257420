"""The commands export, import and targets: schedules for other tools."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click

from core.cli.options import (
    STEPS_PER_EPOCH,
    path,
    read_input,
    read_schedule,
    table_if_known,
    table_of,
)
from core.errors import InputError, one_line
from core.export import csv, import_phases, targets
from core.export.export_result import ExportSource
from core.runs import report_facts
from core.schedule import parse
from core.schedule.words import columns, listed


@click.command()
@click.argument("file")
@click.option("--to", "target", required=True, metavar="TARGET", help=", ".join(targets.TARGETS))
@click.option("--out", metavar="F", help="The file to write.  [default: standard output]")
@click.option("--run", "ran", metavar="DIR", help="A finished run of the schedule, to cite.")
@click.option("--usage", is_flag=True, help="Print how to use the file F, such as code to run it.")
@STEPS_PER_EPOCH
def export(
    file: str, target: str, out: str | None, ran: str | None, usage: bool, steps_per_epoch: int
) -> None:
    """Export a schedule for another tool. What the target cannot express goes to stderr."""
    file_name = "" if out is None else Path(out).name
    if out == "":
        raise InputError("--out", "is empty", "name a file to write")
    targets.refuse_name(targets.by_name(target), file_name)
    if ran is not None and not targets.by_name(target).cites_run:
        citing = listed(name for name, each in targets.TARGETS.items() if each.cites_run)
        wrong = f"is given with --to {target}, which cites no run"
        raise InputError("--run", wrong, f"leave it out; {citing} cite one")
    schedule = read_schedule(file)
    audit = () if ran is None else report_facts.report_facts(path("--run", ran), schedule)
    source = ExportSource(schedule, steps_per_epoch, table_if_known(schedule), audit)
    # the rows of a long run are never all in memory
    exported = csv.without_rows(source) if target == "csv" else targets.export(target, source)
    for each in exported.limitations:
        click.echo(one_line(f"{each.field}: {each.cannot}. Instead: {each.instead}."), err=True)
    content = csv.chunks(schedule, steps_per_epoch) if target == "csv" else (exported.content,)
    usage_text = (
        targets.usage(targets.by_name(target), exported, file_name) if usage and file_name else ""
    )
    if out is not None:
        _write(out, content)
    elif usage:
        raise InputError("--usage", "needs a file to refer to", "name it with --out")
    elif isinstance(exported.content, bytes) and sys.stdout.isatty():
        raise InputError("--out", "is missing; a picture cannot be printed", "name a file to write")
    else:
        for part in content:
            click.echo(part, nl=False)
    click.echo(usage_text.encode(errors="surrogateescape"), nl=False)  # a name may have any bytes


@click.command("targets")
def targets_() -> None:
    """List the targets of an export: name, title, what it is, and its file's suffix."""
    rows = [(name, each.title, each.about, each.suffix) for name, each in targets.TARGETS.items()]
    click.echo("\n".join(columns(rows)))


@click.command("import")
@click.argument("file", metavar="YAML")
@click.option(
    "--onto", required=True, metavar="FILE", help="The schedule that supplies everything else."
)
def import_(file: str, onto: str) -> None:
    """Read the thaws and rates of a finetuning-scheduler YAML file onto a schedule."""
    schedule = read_schedule(onto)
    table = table_of(schedule.model.name)
    thawed = import_phases.read_phases(read_input("YAML", file), schedule, table)
    click.echo(parse.dumps(thawed), nl=False)


def _write(out: str, content: Iterable[str | bytes]) -> None:
    try:
        with Path(out).open("wb") as file:
            for part in content:
                file.write(part.encode() if isinstance(part, str) else part)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        wrong = f"is {out!r}, which cannot be written ({reason})"
        raise InputError("--out", wrong, "name another file") from None
