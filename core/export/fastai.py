"""A schedule for fastai: a Learner's splitter and optimizer, and a callback for the rest."""

from __future__ import annotations

from core.export.export_result import Exported, ExportSource, Limitation
from core.export.python.templates import render
from core.schedule.spec import Schedule


def export(source: ExportSource) -> Exported:
    """Return a module to import into one's own fastai notebook or script."""
    return Exported(
        render("fastai.py.jinja", source),
        _limitations(source.schedule),
        preserved="the rate of every batch, what trains when, and what holds still when frozen; "
        "fastai's own freezing, which leaves BatchNorm open and forgets the optimizer's moments, "
        "isn't used",
        usage=render("fastai_usage.py.jinja", source),
    )


def _limitations(schedule: Schedule) -> tuple[Limitation, ...]:
    if schedule.lr.interval == "epoch":
        return ()
    return (
        Limitation(
            "lr.interval",
            "fastai's GradientAccumulation counts images, not steps of the optimizer",
            "with that callback a step has the rate of its last batch",
        ),
    )
