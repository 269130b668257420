"""A run that an earlier Thaw began, and a later one must bring to its end.

`golden/run` was broken off after two of four epochs by Thaw at commit 2a119fd, whose checkpoints
hash a schedule's name and all its defaults.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.runs import event_log
from core.runs import events as ev
from core.runs.status import history
from tests.reliability.failing_disk import sit
from tests.training.small import of_kind

GOLDEN = Path(__file__).parent / "golden" / "run"
OTHER_LIBRARIES = ("--other-libraries",)
"""The run began with the torch of its time."""


@pytest.mark.usefixtures("small_networks")
def test_a_run_of_an_earlier_thaw_goes_on_where_it_was_broken_off(tmp_path: Path):
    run = shutil.copytree(GOLDEN, tmp_path / "run")
    _, result = sit(run, more=("--other-libraries",))  # it began with the torch of its time
    assert result.exit_code == 0, result.output
    told = list(history(event_log.read(run)))
    assert [each.resumed_at for each in of_kind(told, ev.Started)] == [0, 2]
    assert [each.epoch for each in of_kind(told, ev.EpochDone)] == [0, 1, 2, 3]
    (audit,) = of_kind(told, ev.Audit)
    assert audit.max_lr_error <= 1e-12
    assert audit.frozen_groups_unchanged
