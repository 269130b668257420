from __future__ import annotations

import socket
import subprocess
import sys
import time

import psutil
import pytest

from core.runs.processes import owner


@pytest.fixture
def other():
    """Another living process."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield psutil.Process(child.pid)
    child.communicate()


def test_a_noted_process_is_found_while_it_lives(other):
    noted = owner.note(other)
    assert owner.find(noted) == other
    other.kill()
    end = time.monotonic() + 60.0
    while owner.find(noted) is not None:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(owner.boot() is None, reason="the system has no name for a boot")
@pytest.mark.parametrize(
    "changed",
    [{"boot": "11111111-2222-3333-4444-555555555555"}, {"ticks": 1}],
    ids=["another boot", "another start"],
)
def test_a_process_with_the_same_id_and_start_time_is_another_one(other, changed):
    noted = owner.note(other) | changed
    assert noted["started"] == other.create_time()
    assert owner.find(noted) is None


@pytest.mark.skipif(owner.boot() is None, reason="the system has no name for a boot")
def test_a_clock_that_was_set_makes_no_other_process_of_it(other):
    assert owner.find(owner.note(other) | {"started": other.create_time() - 3600}) == other


def test_what_was_noted_without_a_boot_is_told_by_its_start_time(other):
    noted = {"pid": other.pid, "started": other.create_time()}
    assert owner.find(noted) == other
    assert owner.find(noted | {"started": other.create_time() - 100}) is None


@pytest.mark.skipif(owner.boot() is None, reason="the system has no name for a boot")
def test_a_machine_that_was_started_anew_is_told(other):
    noted = owner.note(other)
    assert not owner.is_of_another_boot(noted)
    assert owner.is_of_another_boot(noted | {"boot": "11111111-2222-3333-4444-555555555555"})
    assert not owner.is_of_another_boot({"pid": 1, "started": 1.0})
    assert not owner.is_of_another_boot(None)


ELSEWHERE = {"pid": 1, "started": 1.0, "boot": "another", "ticks": 1, "host": "node7.cluster"}


def test_what_another_machine_has_noted_is_told_with_its_host():
    assert owner.elsewhere(ELSEWHERE) == "node7.cluster"
    for known in ({"host": socket.gethostname()}, {"host": None}, {"host": "a b"}, {"host": ""}):
        assert owner.elsewhere(ELSEWHERE | known) is None
    without = {name: value for name, value in ELSEWHERE.items() if name != "host"}
    assert owner.elsewhere(without) is owner.elsewhere(None) is owner.elsewhere([]) is None


def test_a_process_of_this_machine_is_here_whatever_the_machine_was_called(other):
    noted = owner.note(other) | {"host": "as-it-was-called-at-home"}
    assert owner.find(noted) == other
    assert owner.elsewhere(noted) is None


@pytest.mark.skipif(owner.boot() is None, reason="the system has no name for a boot")
def test_a_process_that_has_died_here_is_not_elsewhere_unless_its_container_was(other):
    noted = owner.note(other) | {"host": "as-it-was-called-at-home"}
    other.kill()
    end = time.monotonic() + 60.0
    while owner.find(noted) is not None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert owner.elsewhere(noted) is None
    for apart in ({"processes": "pid:[1]"}, {"processes": None}, {"boot": "another"}):
        assert owner.elsewhere(noted | apart) == "as-it-was-called-at-home"


@pytest.mark.parametrize(
    "noted", [None, [], "x", {"pid": 1}, {"pid": "x", "started": 1}, {"pid": 1e400, "started": 1}]
)
def test_what_makes_no_sense_is_nobody(noted):
    assert owner.find(noted) is None
