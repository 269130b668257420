"""A Python module for one's own loop: param groups, a LambdaLR, and a function that freezes."""

from __future__ import annotations

from core.export.export_result import Exported, ExportSource
from core.export.python.templates import render


def export(source: ExportSource) -> Exported:
    """Return the module; it works with any model that has the parts which the groups name."""
    return Exported(
        render("module.py.jinja", source),
        preserved="every rate of every step, and which parameters train when",
        usage=render("module_usage.py.jinja", source),
    )
