"""The command presets: recipes from the literature, as schedules."""

from __future__ import annotations

from collections.abc import Iterator

import click

from core import presets
from core.cli.options import table_of, whole_up_to
from core.errors import InputError, nearest
from core.models import catalogue
from core.presets.apply import apply
from core.presets.schema import Preset
from core.schedule import parse
from core.schedule.document import MAX_EPOCHS
from core.schedule.words import columns


@click.command("presets")
@click.argument("name", required=False)
@click.option("--model", metavar="NAME", help="The model to apply it to.  [default: the preset's]")
@click.option(
    "--epochs",
    type=whole_up_to("--epochs", MAX_EPOCHS),
    metavar="INTEGER",
    help="Stretch or shorten the preset to this many epochs.",
)
@click.option(
    "--about",
    is_flag=True,
    help="Show when to use it, its sources, and what a schedule cannot express.",
)
def presets_(name: str | None, model: str | None, epochs: int | None, about: bool) -> None:
    """List the presets, or print the preset NAME as a schedule in JSON."""
    if name is None:
        if model is not None or epochs is not None or about:
            raise InputError("NAME", "is missing", nearest("", presets.names()))
        rows = [(p.name, p.title, p.when) for p in map(presets.by_name, presets.names())]
        click.echo("\n".join(columns(rows)))
    elif about:
        if model is not None or epochs is not None:
            way_out = "leave them out, or print the schedule without --about"
            raise InputError("--about", "goes with neither --model nor --epochs", way_out)
        for line in _description(presets.by_name(name)):
            click.echo(line)
    else:
        preset, usual = presets.by_name(name), presets.load(name).model
        table = table_of(usual.name if model is None else catalogue.full_name(model))
        same = usual if table.model == usual.name else None
        click.echo(parse.dumps(apply(preset, table, same, epochs)), nl=False)


def _description(preset: Preset) -> Iterator[str]:
    """Yield the lines of --about: title, use, sources with numbers, limits and changes."""
    yield preset.title
    yield preset.when
    for source in preset.sources:
        yield ""
        yield f"{source.citation}: {source.where}"
        if source.url is not None:
            yield source.url
        yield from (f"  - {number}" for number in source.numbers)
    for title, sentences in (
        ("What a schedule cannot express:", preset.cannot),
        ("What Thaw does differently:", preset.changed),
    ):
        if sentences:
            yield ""
            yield title
            yield from (f"  - {sentence}" for sentence in sentences)
