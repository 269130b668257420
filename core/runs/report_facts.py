"""The end of a run as a few facts in words, for a report."""

from __future__ import annotations

from pathlib import Path

from core.errors import InputError
from core.runs import event_log, label, run_folder
from core.runs.description import conditions
from core.runs.forecast import duration
from core.schedule.spec import Schedule

ReportFacts = tuple[tuple[str, str], ...]
"""Pairs of a name and a value in words."""


def report_facts(folder: Path, schedule: Schedule) -> ReportFacts:
    """Return the results of a run of that schedule, and what its audit found.

    Raises InputError where the folder is no run, is one of another schedule, or has no audit yet.
    """
    ran, settings = run_folder.read(folder)
    if not ran.equals_but_for_name(schedule):
        wrong = f"is {str(folder)!r}, a run of another schedule ({ran.name})"
        raise InputError("--run", wrong, f"export {str(folder / run_folder.SCHEDULE)!r} instead")
    end = run_folder.read_summary(folder)
    if (
        end is None
        or end.audit is None
        or end.validation_loss is None
        or end.validation_accuracy is None
        or end.majority_accuracy is None
    ):
        wrong = f"is {str(folder)!r}, a run without an audit"
        raise InputError("--run", wrong, "let it finish first: python -m core resume DIR")
    audit = end.audit
    own = label.read(folder).name
    name = "" if own is None else f"“{own}”, "
    frozen = "did not move" if audit.frozen_groups_unchanged else "moved: their bits differ"
    return (
        ("run", f"{name}{end.status} in {duration(end.seconds)} on {end.device}"),
        *conditions(folder, settings),
        ("versions", _versions(folder)),
        (
            "validation",
            f"loss {end.validation_loss:.4f}, accuracy {end.validation_accuracy:.1%}, "
            "after the last epoch",
        ),
        ("always the commonest class", f"accuracy {end.majority_accuracy:.1%}"),
        (
            "rates",
            f"{audit.steps:,} steps, largest relative difference {audit.max_lr_error:.2g}",
        ),
        ("frozen groups", frozen),
    )


def _versions(folder: Path) -> str:
    started = event_log.started(folder)
    versions = {} if started is None else started.versions
    return ", ".join(map(" ".join, versions.items())) or "not recorded"
