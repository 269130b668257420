"""The designer's benchmark works; what it measures is for a quiet machine to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.benchmarks import designer
from tests.browser.needed import need
from tests.browser.server import CHROMIUM

pytestmark = pytest.mark.thorough


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed() -> None:
    assert designer.percentile([float(n) for n in range(1, 101)], 95) == 95.0
    assert designer.percentile([3.0, 1.0, 2.0], 95) == 3.0
    assert designer.percentile([7.0], 50) == 7.0


def test_the_schedules_have_six_groups_in_20_epochs_and_twelve_in_100() -> None:
    small, large = designer.schedule("small"), designer.schedule("large")
    assert (len(small.groups), small.epochs) == (6, 20)
    assert (len(large.groups), large.epochs) == (12, 100)


@pytest.mark.parametrize("size", ["small", "large"])
def test_no_two_drops_of_a_measurement_leave_the_same_schedule(size: designer.Size) -> None:
    now = {group.name: group.trainable[0][0] for group in designer.schedule(size).groups}
    seen = [dict(now)]
    for name, epoch in designer.drops(size, designer.EDITS):
        now[name] = epoch
        assert now not in seen
        seen.append(dict(now))


@pytest.mark.browser
def test_the_quick_mode_drags_and_says_what_it_found(tmp_path: Path) -> None:
    need(CHROMIUM)
    file = tmp_path / "found.json"
    done = CliRunner().invoke(designer.cli, ["--quick", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "torch in the page's process: no" in done.output
    found = json.loads(file.read_text(encoding="utf-8"))
    assert len(found["redraws"]) == designer.QUICK_EDITS
    assert min(found["redraws"]) > 0
    assert len(found["frames"]) > designer.QUICK_EDITS
    assert found["torch"] is False
