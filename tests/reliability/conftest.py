from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reliability import sessions


@pytest.fixture
def small_networks() -> Iterator[None]:
    """Runs of this process train the tests' networks."""
    with sessions.small_networks():
        yield
