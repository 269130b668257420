"""Several people who edit at once see nothing of each other; how quickly is for a quiet machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.server import CHROMIUM

ROOT = Path(__file__).parents[2]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no chromium: apt-get install chromium")
def test_people_who_edit_at_once_beside_a_run_see_only_their_own() -> None:
    # a process of its own, since its event loop bears no other one beside it
    apart = ["--apart"] if sys.platform == "linux" else []
    command = [sys.executable, "-m", "tests.benchmarks.crowd", "--people", "2", "--edits", "4"]
    done = subprocess.run(
        [*command, "--pace", "0", *apart], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cross-talk: 0 of 8 edits" in done.stdout
    assert ("of the first person" in done.stdout) == bool(apart)
