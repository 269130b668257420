"""Several people who edit at once see nothing of each other; how quickly is for a quiet machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.needed import need
from tests.browser.server import CHROMIUM

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


@pytest.mark.browser
def test_people_who_edit_at_once_beside_a_run_see_only_their_own() -> None:
    need(CHROMIUM)
    # a process of its own, since its event loop bears no other one beside it
    command = [sys.executable, "-m", "tests.benchmarks.crowd", "--people", "3", "--edits", "3"]
    done = subprocess.run(
        [*command, "--browsers", "1", "--pace", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cross-talk: 0 of 9 edits" in done.stdout
    assert "drop to new chart of the 1 at a browser, ms: median" in done.stdout
    assert "edit to the end of the script of the 2 without a browser, ms: median" in done.stdout
