"""The targets by name: where each stands on the page, how its file is called, and who makes it."""

from __future__ import annotations

import keyword
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core import checks
from core.errors import InputError, nearest, quoted
from core.export import (
    chart,
    csv,
    fastai,
    finetuning_scheduler,
    html,
    latex,
    lightning,
    markdown,
    module,
    picture,
    pytorch,
    timm,
    transformers,
)
from core.export.exported import FILE, MODULE, Exported, Source
from core.export.python import quoting
from core.schedule import file_names
from core.schedule.spec import Schedule

Shelf = Literal["Your own loop", "Trainers", "Papers and pages"]


@dataclass(frozen=True, slots=True)
class Target:
    """A place that a schedule can be taken to.

    `title` and `about` are for people. `suffix` ends the file's name, `language` is that of its
    text for highlighting (None: it is a picture, or plain text), `usage_language` that of
    `Exported.usage`. What `executes` trains a network, so a schedule with errors is refused.
    """

    title: str
    about: str
    shelf: Shelf
    suffix: str
    language: str | None
    make: Callable[[Source], Exported]
    usage_language: str = "bash"
    executes: bool = False


TARGETS: dict[str, Target] = {
    "pytorch": Target(
        "PyTorch script",
        "one file, runs as it is",
        "Your own loop",
        ".py",
        "python",
        pytorch.export,
        executes=True,
    ),
    "module": Target(
        "Python module",
        "param groups, LambdaLR, freeze",
        "Your own loop",
        ".py",
        "python",
        module.export,
        usage_language="python",
        executes=True,
    ),
    "finetuning-scheduler": Target(
        "finetuning-scheduler",
        "YAML, and code for Lightning",
        "Trainers",
        ".yaml",
        "yaml",
        finetuning_scheduler.export,
        usage_language="python",
        executes=True,
    ),
    "lightning": Target(
        "Lightning",
        "callback, configure_optimizers",
        "Trainers",
        ".py",
        "python",
        lightning.export,
        usage_language="python",
        executes=True,
    ),
    "transformers": Target(
        "Hugging Face Trainer",
        "callback, optimizers",
        "Trainers",
        ".py",
        "python",
        transformers.export,
        usage_language="python",
        executes=True,
    ),
    "fastai": Target(
        "fastai",
        "splitter, opt_func, callback",
        "Trainers",
        ".py",
        "python",
        fastai.export,
        usage_language="python",
        executes=True,
    ),
    "timm": Target(
        "timm",
        "flags of its train.py",
        "Trainers",
        ".sh",
        "bash",
        timm.export,
        executes=True,
    ),
    "csv": Target(
        "CSV", "step, epoch, group, lr, trainable", "Your own loop", ".csv", None, csv.export
    ),
    "vega-lite": Target(
        "Vega-Lite",
        "the chart as a document",
        "Papers and pages",
        ".vl.json",
        "json",
        chart.export,
        usage_language="python",
    ),
    "png": Target("PNG", "the chart as a picture", "Papers and pages", ".png", None, picture.png),
    "svg": Target("SVG", "the chart to scale", "Papers and pages", ".svg", "xml", picture.svg),
    "html": Target(
        "Web page", "one file, opens offline", "Papers and pages", ".html", "html", html.export
    ),
    "markdown": Target(
        "Markdown", "for a model card", "Papers and pages", ".md", "markdown", markdown.export
    ),
    "latex": Target(
        "LaTeX table",
        "with booktabs",
        "Papers and pages",
        ".tex",
        "latex",
        latex.export,
        usage_language="latex",
    ),
}
"""Every target by its name on the command line, in the order of the page."""


def find(name: str) -> Target:
    """Return the target of that name; InputError names the nearest one."""
    if name not in TARGETS:
        raise InputError("--to", f"is {name!r}, which is not a target", nearest(name, TARGETS))
    return TARGETS[name]


_TAKEN = sys.stdlib_module_names | {
    "fastai",
    "finetuning_scheduler",
    "lightning",
    "numpy",
    "PIL",
    "pil",
    "timm",
    "torch",
    "torchvision",
    "transformers",
}
"""Modules that a file of that name would hide from what imports them."""


def file_name(schedule: Schedule, target: Target) -> str:
    """Return a plain name for the export: `gradual-unfreezing.csv`; Python's can be imported."""
    if target.suffix != ".py":
        return file_names.file_name(schedule.name, target.suffix)
    stem = file_names.file_name(schedule.name, "", "_")
    own = _is_imported(stem) and stem not in _TAKEN
    return f"{stem if own else f'schedule_{stem}'}{target.suffix}"


def refuse_name(target: Target, name: str) -> None:
    """Raise InputError where a Python file of that name would hide a module that others import."""
    stem = name.removesuffix(".py")
    if target.suffix == ".py" and stem != name and stem in _TAKEN:
        wrong = f"is {quoted(name)}, which would hide the module {stem} from what imports it"
        raise InputError("--out", wrong, f"use another name, as in schedule_{name}")


def usage(target: Target, made: Exported, name: str) -> str:
    """Return what to do with the export, once it lies in a file of that name.

    Raises InputError for a name that Python cannot import where the export is to be imported.
    """
    stem = name.removesuffix(".py")
    if MODULE in made.usage and (stem == name or not _is_imported(stem)):
        wrong = f"is {quoted(name)}, which Python cannot import"
        raise InputError("--out", wrong, "use letters, digits and _, as in my_run.py")
    quote = {"bash": shlex.quote, "python": quoting.python}.get(target.usage_language, str)
    return made.usage.replace(MODULE, stem).replace(FILE, quote(name))


def _is_imported(stem: str) -> bool:
    """Return whether Python's import takes that name."""
    return stem.isidentifier() and not keyword.iskeyword(stem)


def export(name: str, source: Source) -> Exported:
    """Return the schedule as the target of that name has it.

    Raises InputError for an unknown target, ScheduleError for a schedule with errors where the
    target trains a network, and ExportError where the target would get the schedule wrong.
    """
    target = find(name)
    if target.executes:
        checks.refuse_errors(source.schedule, source.table)
    return target.make(source)
