"""The commands of python -m core, and how it tells their errors."""

from __future__ import annotations

import io
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from core import checks, presets
from core.checks import SEVERITIES, why
from core.cli import export, runs, train
from core.cli.options import (
    STEPS_PER_EPOCH,
    read_schedule,
    table_if_known,
    table_of,
    tabulate,
    whole,
    whole_option,
)
from core.demo import limits
from core.errors import STOPPED, InputError, ThawError, nearest, one_line, shown
from core.export import csv
from core.models import catalogue, layer_table
from core.presets import descriptions
from core.presets.apply import apply
from core.runs.console import print_nowhere
from core.runs.processes.exit_with_parent import LEASHED, end_with_input
from core.runs.settings import RunSettings, make_settings
from core.schedule import parse
from core.schedule.document import MAX_EPOCHS
from core.schedule.shapes import DECAYS, RISES, Warmup
from core.schedule.words import columns

_DEFAULTS = RunSettings()


class _Explained(click.Group):
    """A group of commands whose errors are told in a line each, with their exit code."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        _speak_utf8()
        try:
            exit_code = super().main(*args, **{**options, "standalone_mode": False})
            sys.stdout.flush()  # at the end of Python, a full disk gets a complaint of many lines
        except ThawError as error:
            for problem in error.problems if isinstance(error, InputError) else (error,):
                _complain(str(problem))
            exit_code = error.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            exit_code = error.exit_code
        except click.UsageError as error:
            message = error.format_message()
            if not message.endswith("?"):  # else it ends with the nearest name
                command = error.ctx.command_path if error.ctx else "python -m core"
                message = f"{message.rstrip('.')}: see {command} --help"
            _complain(message[:1].lower() + message[1:])
            exit_code = error.exit_code
        except BrokenPipeError:  # the reader has seen enough, as in `curves | head`
            print_nowhere()
            exit_code = 0
        except OSError as error:
            print_nowhere()
            where = "" if error.filename is None else f" ({error.filename})"
            _complain(f"the system says: {error.strerror or error}{where}")
            exit_code = ThawError.exit_code
        except click.Abort:
            exit_code = STOPPED
        limits.end_process(exit_code or 0)
        sys.exit(exit_code or 0)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would end with 1
            print_nowhere()
            ctx.exit(0)
        except KeyboardInterrupt:  # click would print an empty line
            ctx.exit(STOPPED)


def _speak_utf8() -> None:
    """Write files as they are read again; a terminal gets what it can show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")


@click.group(cls=_Explained, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(LEASHED, "leashed", is_flag=True, hidden=True)
def cli(leashed: bool) -> None:
    """Thaw: design a fine-tuning schedule, and run it.

    FILE is a schedule's JSON file, - for standard input, or a preset's name; a file of that name
    takes precedence. Exit codes: 0 done, 1 the run failed, 2 bad input, 130 stopped.
    """
    try:
        Path.cwd()
    except FileNotFoundError:  # some libraries even crash there
        way_out = "change into another one"
        raise InputError("the working directory", "was deleted", way_out) from None
    if leashed:
        end_with_input()


@cli.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the whole layer table as JSON.")
def groups(name: str, as_json: bool) -> None:
    """Print the groups of the model NAME, such as resnet18 or timm/vit_base_patch16_224."""
    full_name = catalogue.full_name(name)
    if as_json:  # made anew
        click.echo(layer_table.dumps(tabulate(full_name)), nl=False)
        return
    table = table_of(full_name)
    rows = [(g.name, " ".join(g.modules), f"{g.parameters:,}") for g in table.groups]
    rows = [("group", "modules", "parameters"), *rows, ("total", "", f"{table.parameters:,}")]
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    for group, modules, parameters in rows:
        click.echo(f"{group:{wide[0]}}  {modules:{wide[1]}}  {parameters:>{wide[2]}}")


@cli.command("presets")
@click.argument("name", required=False)
@click.option("--model", metavar="NAME", help="The model to apply it to.  [default: the preset's]")
@click.option(
    "--epochs",
    type=whole,
    metavar="INTEGER",
    help="Stretch or shorten the preset to this many epochs.",
)
@click.option(
    "--about",
    is_flag=True,
    help="Show when to use it, its sources, and what a schedule cannot express.",
)
def presets_(name: str | None, model: str | None, epochs: int | str | None, about: bool) -> None:
    """List the presets, or print the preset NAME as a schedule in JSON."""
    if name is None:
        if model is not None or epochs is not None or about:
            raise InputError("NAME", "is missing", nearest("", presets.names()))
        click.echo("\n".join(descriptions.overview()))
    elif about:
        if model is not None or epochs is not None:
            way_out = "leave them out, or print the schedule without --about"
            raise InputError("--about", "goes with neither --model nor --epochs", way_out)
        for line in descriptions.about(presets.find(name)):
            click.echo(line)
    else:
        found, own = presets.find(name), presets.load(name).model
        table = table_of(own.name if model is None else catalogue.full_name(model))
        made = apply(found, table, own if table.model == own.name else None, _epochs(epochs))
        click.echo(parse.dumps(made), nl=False)


def _epochs(given: int | str | None) -> int | None:
    if given is not None and (not isinstance(given, int) or not 1 <= given <= MAX_EPOCHS):
        way_out = f"use a whole number from 1 to {MAX_EPOCHS:,}"
        raise InputError("--epochs", f"is {shown(given)}", way_out)
    return given


@cli.command()
@click.argument("file")
@whole_option(
    "--batch-size", _DEFAULTS.batch_size, about="Images per batch, for the BatchNorm checks."
)
@STEPS_PER_EPOCH
def check(file: str, batch_size: int, steps_per_epoch: int) -> None:
    """Check a schedule for errors and unwise settings. Errors go to stderr, with exit code 2."""
    schedule = read_schedule(file)
    batch_size = make_settings(batch_size=batch_size).batch_size
    found = checks.problems(schedule, table_if_known(schedule), batch_size, steps_per_epoch)
    for problem in found:
        line = f"{problem.severity}: {problem.message} [{problem.code}]"
        click.echo(one_line(line), err=problem.severity == "error")
    if any(problem.severity == "error" for problem in found):
        raise click.exceptions.Exit(InputError.exit_code)
    click.echo(f"{schedule.name}: no errors")


@cli.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """List the problems that a schedule can have, or say why CODE is one, with sources."""
    if code is None:
        rows = [(each, SEVERITIES[each], why.meaning(each)) for each in SEVERITIES]
        click.echo("\n".join(columns(rows)))
    else:
        said = why.meaning(code)
        click.echo(f"{SEVERITIES[code]}: {said}\n\n{why.why(code)}")


@cli.command()
def shapes() -> None:
    """List the shapes of decay and warmup, each with its formula, fields and defaults."""
    click.echo("decay: floor + (peak - floor) * share, where x goes from 0 to 1 after the warmup")
    decays = [shape.model_validate({"shape": name}) for name, shape in DECAYS.items()]
    rows = [(f"  {d.shape}", f"share = {d.formula}", json.dumps(d.model_dump())) for d in decays]
    click.echo("\n".join(columns(rows)))
    click.echo("warmup: start + (peak - start) * share, where y goes from 0 to 1 during it")
    begun = Warmup().model_dump()
    rows = [
        (f"  {name}", f"share = {rise.formula}", json.dumps(begun | {"shape": name}))
        for name, rise in RISES.items()
    ]
    click.echo("\n".join(columns(rows)))


@cli.command()
@click.argument("file")
@STEPS_PER_EPOCH
def curves(file: str, steps_per_epoch: int) -> None:
    """The learning rates of a schedule as CSV: step,epoch,group,lr,trainable (1 or 0)."""
    for part in csv.parts(read_schedule(file), steps_per_epoch):
        click.echo(part, nl=False)


def _complain(message: str) -> None:
    """A line on standard error, if it can be written there."""
    with suppress(OSError):
        click.echo(f"error: {one_line(message)}", err=True)


for command in (*export.COMMANDS, *runs.COMMANDS, *train.COMMANDS):
    cli.add_command(command)
