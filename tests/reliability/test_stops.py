"""One of the phases in which a stop is timed; `python -m tests.reliability.stops` does all."""

from __future__ import annotations

import pytest

from core.runs.events import Step, Stopped
from tests.reliability.stops import PHASES, stop_in

pytestmark = pytest.mark.thorough


def test_a_run_in_a_batch_that_takes_long_is_stopped_in_it(tmp_path):
    stop = stop_in(PHASES["training"], tmp_path)
    assert stop.status == "stopped"
    assert Stopped(0) in stop.since
    assert not [event for event in stop.since if isinstance(event, Step)]
