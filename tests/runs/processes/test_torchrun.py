from __future__ import annotations

import os
from queue import Queue

import psutil
import pytest

from core.errors import RunError
from core.runs.processes import torchrun


@pytest.mark.parametrize(
    ("module", "name", "gone"), [(os, "getppid", -1), (psutil.Process, "is_running", False)]
)
def test_the_end_of_torchrun_is_noticed_by_another_parent_or_else_by_its_own_end(
    module, name, gone, monkeypatch
):
    monkeypatch.setattr(torchrun, "_CHECK_EVERY", 0.01)
    errors: Queue[RunError] = Queue()
    torchrun.watch_launcher(errors.put)
    monkeypatch.setattr(module, name, lambda *_: gone)
    assert "torchrun has ended before the run" in str(errors.get(timeout=60))
