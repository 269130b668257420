from __future__ import annotations

from pathlib import Path

import pytest

from core.design import presets
from core.runs import folder
from core.runs.settings import RunSettings


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that this process has claimed."""
    made = tmp_path / "run"
    folder.create(made, presets.load("gradual"), RunSettings(samples=77))
    return made
