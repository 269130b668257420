"""The commands groups, shapes and curves."""

from __future__ import annotations

import json

import click

from core.cli.options import STEPS_PER_EPOCH, read_schedule, table_of, tabulate
from core.export import csv
from core.models import catalogue, layer_table
from core.schedule.shapes import DECAYS, WARMUPS, Warmup
from core.schedule.words import columns


@click.command()
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
    click.echo("\n".join(columns(rows, right=(2,))))


@click.command()
def shapes() -> None:
    """List the shapes of decay and warmup, each with its formula, fields and defaults."""
    click.echo("decay: floor + (peak - floor) * share, where x goes from 0 to 1 after the warmup")
    decays = [shape.model_validate({"shape": name}) for name, shape in DECAYS.items()]
    rows = [(f"  {d.shape}", f"share = {d.formula}", json.dumps(d.model_dump())) for d in decays]
    click.echo("\n".join(columns(rows)))
    click.echo("warmup: start + (peak - start) * share, where y goes from 0 to 1 during it")
    warmup = Warmup().model_dump()
    rows = [
        (f"  {name}", f"share = {rise.formula}", json.dumps(warmup | {"shape": name}))
        for name, rise in WARMUPS.items()
    ]
    click.echo("\n".join(columns(rows)))


@click.command()
@click.argument("file")
@STEPS_PER_EPOCH
def curves(file: str, steps_per_epoch: int) -> None:
    """Print the learning rates of a schedule as CSV: step,epoch,group,lr,trainable (1 or 0)."""
    for part in csv.chunks(read_schedule(file), steps_per_epoch):
        click.echo(part, nl=False)
