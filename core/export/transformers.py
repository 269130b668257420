"""A schedule for Hugging Face's Trainer: a callback, and its optimizer and scheduler."""

from __future__ import annotations

from core.export.export_result import Exported, ExportSource
from core.export.python.templates import render


def export(source: ExportSource) -> Exported:
    """Return a module to import into one's own Trainer script, with the whole schedule."""
    return Exported(
        render("transformers.py.jinja", source),
        preserved="the rate of every optimizer step, what trains when, and what holds still when "
        "frozen",
        usage=render("transformers_usage.py.jinja", source),
    )
