"""The command presets: recipes from the literature, as schedules."""

from __future__ import annotations

import click

from core import presets
from core.cli.options import table_of, whole
from core.errors import InputError, nearest, shown
from core.models import catalogue
from core.presets import descriptions
from core.presets.apply import apply
from core.schedule import parse
from core.schedule.document import MAX_EPOCHS


@click.command("presets")
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
