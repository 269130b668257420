"""What all tests share: how hard hypothesis looks, threads that do not spin, and Ctrl+C."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

# before torch is loaded: threads that spin slow each other down where tests run side by side
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_SLOW = [HealthCheck.too_slow]  # a machine that is busy with other things
# the same examples each time: a landing must not depend on which ones are drawn
settings.register_profile(
    "quick", deadline=None, max_examples=10, derandomize=True, suppress_health_check=_SLOW
)
settings.register_profile("deep", deadline=None, max_examples=500, suppress_health_check=_SLOW)


def _is_thorough(config: pytest.Config) -> bool:
    asked: str = config.option.markexpr
    return "thorough" in asked and "not thorough" not in asked


def pytest_configure(config: pytest.Config) -> None:
    """Load the deep profile where `-m` asks for what is thorough, else the quick one."""
    settings.load_profile("deep" if _is_thorough(config) else "quick")
    # processes that tests start inherit an ignored Ctrl+C, as under nohup, and could not be stopped
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are processors, since browser tests wait most of the time.

    Of a machine's many processors `--maxprocesses` takes a few.
    """
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Count the property tests as thorough where `-m thorough` asks for them."""
    if _is_thorough(config):
        for item in items:
            if is_hypothesis_test(getattr(item, "obj", None)):
                item.add_marker(pytest.mark.thorough)
