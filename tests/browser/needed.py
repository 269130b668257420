"""What a test in a browser does where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def need(chromium: str) -> None:
    """Skip the test where there is no Chromium at that path, or fail it if CI requires one."""
    if not Path(chromium).exists():
        message = "no chromium: apt-get install chromium"
        if os.environ.get("THAW_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
