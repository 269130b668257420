"""A schedule for Lightning: a callback that freezes and thaws, and an optimizer to configure."""

from __future__ import annotations

from core.export.export_result import Exported, ExportSource
from core.export.python.templates import render


def export(source: ExportSource) -> Exported:
    """Return a module to import into one's own Lightning script, with the whole schedule."""
    return Exported(
        render("lightning.py.jinja", source),
        preserved="the rate of every optimizer step, what trains when, and what holds still when "
        "frozen",
        usage=render("lightning_usage.py.jinja", source),
    )
