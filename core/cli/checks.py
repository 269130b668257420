"""The commands check and explain: what is wrong with a schedule or unwise, and why."""

from __future__ import annotations

import click

from core import checks
from core.checks import CHECKS, why
from core.cli.options import STEPS_PER_EPOCH, read_schedule, table_if_known, whole_option
from core.errors import InputError, one_line
from core.runs.settings import RunSettings, make_settings
from core.schedule.words import columns

_DEFAULTS = RunSettings()


@click.command()
@click.argument("file")
@whole_option(
    "--batch-size", _DEFAULTS.batch_size, about="Images per batch, for the BatchNorm checks."
)
@STEPS_PER_EPOCH
def check(file: str, batch_size: int, steps_per_epoch: int) -> None:
    """Check a schedule for errors and unwise settings. Errors go to stderr, with exit code 2."""
    schedule = read_schedule(file)
    batch_size = make_settings(batch_size=batch_size).batch_size
    problems = checks.problems(schedule, table_if_known(schedule), batch_size, steps_per_epoch)
    for problem in problems:
        line = f"{problem.severity}: {problem.message} [{problem.code}]"
        click.echo(one_line(line), err=problem.severity == "error")
    if any(problem.severity == "error" for problem in problems):
        raise click.exceptions.Exit(InputError.exit_code)
    click.echo(f"{schedule.name}: no errors")


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """List the problems that a schedule can have, or say why CODE is one, with sources."""
    if code is None:
        rows = [(each, kind.severity, why.meaning(each)) for each, kind in CHECKS.items()]
        click.echo("\n".join(columns(rows)))
    else:
        meaning = why.meaning(code)
        click.echo(f"{CHECKS[code].severity}: {meaning}\n\n{why.why(code)}")
