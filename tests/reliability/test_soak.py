"""A few of the soak's runs; `python -m tests.reliability.soak` does 200."""

from __future__ import annotations

import pytest

from tests.reliability.soak import soak

pytestmark = pytest.mark.thorough


def test_runs_leave_nothing_behind_in_their_launcher_nor_after_it(tmp_path):
    done = soak(5, tmp_path)
    assert [count.status for count in done.counts] == ["finished"] * 5
    assert {count.children for count in done.counts} == {0}
    settled, last = done.counts[done.settled], done.counts[-1]
    assert last.files <= settled.files
    assert last.threads <= settled.threads
    assert done.growth < 0.05
    assert done.orphans == ()
