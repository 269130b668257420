"""The command line, python -m core: its commands, and their errors in a line each."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from core.cli.interrupts import at_ctrl_c
from core.errors import STOPPED, InputError, ThawError, importing, one_line
from core.runs.processes.exit_with_parent import EXIT_WITH_PARENT, exit_with_parent

_MODULES = {
    "presets": ("presets",),
    "checks": ("check", "explain"),
    "schedule": ("groups", "shapes", "curves"),
    "export": ("export", "targets", "import"),
    "runs": ("runs", "delete", "restore", "empty-trash"),
    "train": ("device", "prewarm", "run", "resume"),
}
"""The commands of each module of this folder; it is imported when one of them is called."""


class _LazyCommands(Mapping[str, click.Command]):
    """The commands by their names; each is imported when it is looked up."""

    def __getitem__(self, name: str) -> click.Command:
        module = next((module for module, names in _MODULES.items() if name in names), None)
        if module is None:
            raise KeyError(name)
        with importing():
            members = vars(import_module(f"core.cli.{module}")).values()
        return next(
            each for each in members if isinstance(each, click.Command) and each.name == name
        )

    def __iter__(self) -> Iterator[str]:
        return (name for names in _MODULES.values() for name in names)

    def __len__(self) -> int:
        return sum(map(len, _MODULES.values()))


class _CommandGroup(click.Group):
    """A group of commands that prints each error in a line, and ends with its exit code."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        _speak_utf8()
        try:
            exit_code = super().main(*args, **{**options, "standalone_mode": False})
            sys.stdout.flush()  # later, Python would print a traceback for a full disk
        except ThawError as error:
            for problem in error.problems if isinstance(error, InputError) else (error,):
                _print_error(str(problem))
            exit_code = error.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            exit_code = error.exit_code
        except click.UsageError as error:
            message = error.format_message()
            if not message.endswith("?"):  # else it ends with the nearest name
                command = error.ctx.command_path if error.ctx else "python -m core"
                message = f"{message.rstrip('.')}: see {command} --help"
            _print_error(message[:1].lower() + message[1:])
            exit_code = error.exit_code
        except BrokenPipeError:  # the reader has seen enough, as in `curves | head`
            _discard_output()
            exit_code = 0
        except OSError as error:
            _discard_output()
            where = "" if error.filename is None else f" ({error.filename})"
            _print_error(f"the system says: {error.strerror or error}{where}")
            exit_code = ThawError.exit_code
        except click.Abort:
            exit_code = STOPPED
        if "torch" in sys.modules:  # which has imported these modules, too
            from core.demo import limits

            limits.exit_without_destructors(exit_code or 0)
        sys.exit(exit_code or 0)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        resolved = super().resolve_command(ctx, args)
        at_ctrl_c(signal.default_int_handler)  # its imports are over
        return resolved

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would end with 1
            _discard_output()
            ctx.exit(0)
        except KeyboardInterrupt:  # click would print an empty line
            ctx.exit(STOPPED)


def _speak_utf8() -> None:
    """Write UTF-8 into files and pipes; replace what a terminal cannot show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")


@click.group(
    cls=_CommandGroup,
    commands=_LazyCommands(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(EXIT_WITH_PARENT, "helper", is_flag=True, hidden=True)
def cli(helper: bool) -> None:
    """Thaw: design a fine-tuning schedule, and run it.

    FILE is a schedule's JSON file, - for standard input, or a preset's name; a file of that name
    takes precedence. Exit codes: 0 done, 1 the run failed, 2 bad input, 130 stopped.
    """
    try:
        Path.cwd()
    except FileNotFoundError:  # some libraries even crash there
        way_out = "change into another one"
        raise InputError("the working directory", "was deleted", way_out) from None
    if helper:
        exit_with_parent()


def _print_error(message: str) -> None:
    """Print a line to standard error, if it can be written."""
    with suppress(OSError):
        click.echo(f"error: {one_line(message)}", err=True)


def _discard_output() -> None:
    """Discard standard output from now on, since nobody reads it."""
    from core.runs.console import discard_output  # imports numpy and tqdm

    discard_output()
