"""The commands for the runs in Thaw's home folder: runs, delete, restore, empty-trash."""

from __future__ import annotations

import os
from pathlib import Path

import click

from core.errors import InputError, one_line
from core.files import usage
from core.files.home import HOME
from core.runs import run_folder, trash
from core.runs.description import describe
from core.runs.processes import launch
from core.schedule.words import columns


@click.command()
@click.option("--deleted", is_flag=True, help="List those in the trash, the last deleted first.")
def runs(deleted: bool) -> None:
    """List all runs, newest first: id, status, epochs, accuracy, disk use, name, time, and data."""
    root = launch.runs_folder()
    _refuse_unlistable(root)
    sizes = {run.name: usage.disk_use(run) for run in run_folder.list_runs(root)}
    in_trash = {each: usage.disk_use(each.path) for each in trash.trashed_runs(root)}
    if deleted:
        rows = [(each.name, *row(each.path, held)[1:]) for each, held in in_trash.items()]
    else:
        rows = [row(root / run_id, held) for run_id, held in sizes.items()]
    for line in columns(rows, right=(2, 3, 4)):
        click.echo(line)
    total = f"{len(sizes)} in {root}, {_size(sum(sizes.values()))}"
    held = _size(sum(in_trash.values()))
    waits = f"{len(in_trash)} deleted, {held}: runs --deleted, restore or empty-trash"
    more = f"; {waits}" if in_trash else ""
    click.echo(f"{total}{more}", err=True)


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def delete(ids: tuple[str, ...]) -> None:
    """Move runs into the trash, from which restore brings them back for 30 days."""
    for run_id in ids:
        trash.delete(launch.runs_folder(), run_id)


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def restore(ids: tuple[str, ...]) -> None:
    """Bring back deleted runs."""
    for run_id in ids:
        trash.restore(launch.runs_folder(), run_id)


@click.command("empty-trash")
def empty_trash() -> None:
    """Remove deleted runs for good, and print how much disk space was freed."""
    click.echo(f"{_size(trash.empty(launch.runs_folder()))} freed")


def row(run: Path, disk_bytes: int) -> tuple[str, str, str, str, str, str]:
    """Return a run's cells in the list; `disk_bytes` is its size on the disk."""
    described = describe(run)
    state = described.state
    try:
        schedule = run_folder.read(run)[0]
    except InputError as error:
        name, epochs = f"damaged: {error}", ""
    else:
        name = "★ " * described.starred + " · ".join(
            filter(None, (described.name, described.schedule, described.when, described.data))
        )
        epochs = f"{state.epochs_done} of {schedule.epochs}"
    share = "" if state.accuracy is None else f"{state.accuracy:.1%}"
    return run.name, state.text, epochs, share, _size(disk_bytes), one_line(name)


def _refuse_unlistable(root: Path) -> None:
    """Raise InputError if the folder of the runs exists and cannot be read."""
    try:
        os.scandir(root).close()
    except FileNotFoundError:
        pass
    except OSError as error:
        wrong = f"is {str(root.parent)!r}, where runs cannot be listed ({error.strerror})"
        raise InputError(HOME, wrong, "set it to a folder that you may read") from None


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
