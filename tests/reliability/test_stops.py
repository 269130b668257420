"""One of the phases in which a stop is timed; `python -m tests.reliability.stops` does all."""

from __future__ import annotations

from tests.reliability.stops import PHASES, stop_in


def test_a_run_in_a_batch_that_takes_long_is_stopped_in_it(tmp_path):
    assert stop_in(PHASES["training"], tmp_path).status == "stopped"
