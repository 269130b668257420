"""Pieces of Python put together into one file: heading, imports, table, rates, groups, the rest."""

from __future__ import annotations

from core.export.exported import Source
from core.export.python import freezing, rates, table


def python_file(source: Source, imports: list[str], *pieces: str) -> str:
    """Return the file: what every target needs, and then the `pieces` that are its own.

    `imports` are lines for other packages than torch, which the pieces may use, and Python's own.
    """
    code = [
        "\n".join([table.heading(source.schedule), "", *_imports(source, imports, pieces)]),
        table.table(source.schedule),
        rates.rates(source.schedule),
        freezing.groups(source),
        *pieces,
    ]
    return "\n\n\n".join(code) + "\n"


def _imports(source: Source, imports: list[str], pieces: tuple[str, ...]) -> list[str]:
    own = []
    if rates.needs_math(source.schedule) or any("math." in piece for piece in pieces):
        own.append("import math")
    if any("re.compile" in piece for piece in pieces):
        own.append("import re")
    bare = freezing.has_bare_parameters(source)
    if bare:
        own.append("from operator import attrgetter")
    if any("Path(" in piece for piece in pieces):
        own.append("from pathlib import Path")
    held = any(group.batchnorm == "eval" for group in source.schedule.groups)
    others = [*imports, "import torch", *(["from torch import nn"] if held or bare else [])]
    others.sort(key=lambda line: (line.startswith("from"), line))
    return [*own, *([""] if own else []), *others]
