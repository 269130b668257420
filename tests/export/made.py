"""Exported Python code as a module that a test can call."""

from __future__ import annotations

import types

from core.design.layers import LayerTable
from core.design.spec import Schedule
from core.export.exported import Source
from tests.export.thrice import STEPS


def run_code(text: str | bytes) -> types.ModuleType:
    """A module with everything that the code defines."""
    assert isinstance(text, str)
    module = types.ModuleType("exported")
    exec(compile(text, "exported.py", "exec"), module.__dict__)
    return module


def source(schedule: Schedule, table: LayerTable | None = None, steps: int = STEPS) -> Source:
    """The schedule, to be exported as it is, without a look for errors."""
    return Source(schedule, steps, table)
