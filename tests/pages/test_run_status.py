"""The card of a run says what Resume does where there is something to go on from, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs import events as ev
from core.runs.digest import Digest
from pages.components import run_status


@pytest.mark.parametrize("finished", [0, 1])
def test_what_resume_does_is_told_by_what_was_finished(finished: int, tmp_path: Path) -> None:
    epoch = ev.EpochDone(0, ("head",), 10, 1.0, 0.5, 1.0, 0.5, 1.0, 10.0, 0)
    advice = run_status._advice("stopped", Digest(epochs=(epoch,) * finished), tmp_path)
    assert ("goes on from the last epoch" in advice) == bool(finished)
    assert ("starts again from the first one" in advice) != bool(finished)
