"""The targets of an export by name: their titles, files, and the functions that make them."""

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
    pytorch,
    timm,
    transformers,
)
from core.export.export_result import FILE, MODULE, Exported, ExportSource
from core.export.python import quoting
from core.schedule import file_names
from core.schedule.spec import Schedule

Category = Literal["Your own loop", "Trainers", "Papers and pages"]


@dataclass(frozen=True, slots=True)
class Target:
    """A tool or format that a schedule can be exported to.

    `title` and `about` are shown to people. `suffix` ends the file's name. `language` is that of
    its text, for highlighting (None: a picture or plain text), and `usage_language` that of
    `Exported.usage`. If it `executes`, it trains a network, and refuses a schedule with errors. If
    it `cites_run`, it has the results of a run.
    """

    title: str
    about: str
    category: Category
    suffix: str
    language: str | None
    make: Callable[[ExportSource], Exported]
    usage_language: str = "bash"
    executes: bool = False
    cites_run: bool = False


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
    "png": Target("PNG", "the chart as a picture", "Papers and pages", ".png", None, chart.png),
    "svg": Target("SVG", "the chart to scale", "Papers and pages", ".svg", "xml", chart.svg),
    "html": Target(
        "Web page",
        "one file, opens offline",
        "Papers and pages",
        ".html",
        "html",
        html.export,
        cites_run=True,
    ),
    "markdown": Target(
        "Markdown",
        "for a model card",
        "Papers and pages",
        ".md",
        "markdown",
        markdown.export,
        cites_run=True,
    ),
    "latex": Target(
        "LaTeX table",
        "with booktabs",
        "Papers and pages",
        ".tex",
        "latex",
        latex.export,
        usage_language="latex",
        cites_run=True,
    ),
}
"""Every target by its name on the command line, in the order of the page."""


def by_name(name: str) -> Target:
    """Return the target of that name; raise InputError, with the nearest name, if there is none."""
    if name not in TARGETS:
        raise InputError("--to", f"is {name!r}, which is not a target", nearest(name, TARGETS))
    return TARGETS[name]


_RESERVED = sys.stdlib_module_names | {
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
"""Names of modules that a file of the same name would hide."""


def file_name(schedule: Schedule, target: Target) -> str:
    """Return a file name for the export, `gradual-unfreezing.csv`; Python files can be imported."""
    if target.suffix != ".py":
        return file_names.file_name(schedule.name, target.suffix)
    stem = file_names.file_name(schedule.name, "", "_")
    is_free = _is_module_name(stem) and stem not in _RESERVED
    return f"{stem if is_free else f'schedule_{stem}'}{target.suffix}"


def refuse_name(target: Target, name: str) -> None:
    """Raise InputError for the name of a Python file that would hide a module."""
    stem = name.removesuffix(".py")
    if target.suffix == ".py" and stem != name and stem in _RESERVED:
        wrong = f"is {quoted(name)}, which would hide the module {stem} from what imports it"
        raise InputError("--out", wrong, f"use another name, as in schedule_{name}")


def usage(target: Target, exported: Exported, name: str) -> str:
    """Return how to use the export once it is in a file of that name.

    Raises InputError if the export is to be imported and Python cannot import that name.
    """
    stem = name.removesuffix(".py")
    if MODULE in exported.usage and (stem == name or not _is_module_name(stem)):
        wrong = f"is {quoted(name)}, which Python cannot import"
        raise InputError("--out", wrong, "use letters, digits and _, as in my_run.py")
    quote = {"bash": shlex.quote, "python": quoting.python}.get(target.usage_language, str)
    return exported.usage.replace(MODULE, stem).replace(FILE, quote(name))


def _is_module_name(stem: str) -> bool:
    """Return whether Python can import a module of that name."""
    return stem.isidentifier() and not keyword.iskeyword(stem)


def export(name: str, source: ExportSource) -> Exported:
    """Return the export of a schedule to the target of that name.

    Raises InputError for an unknown target, ScheduleError for a schedule with errors if the target
    trains a network, and ExportError if the target would train otherwise.
    """
    target = by_name(name)
    if target.executes:
        checks.refuse_errors(source.schedule, source.table)
    return target.make(source)
