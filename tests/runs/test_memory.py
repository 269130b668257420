from __future__ import annotations

import psutil
import pytest

from core.runs import memory

MB = 1_000_000


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "_MACHINE", tmp_path)


@pytest.fixture
def group(tmp_path):
    """Makes a control group of a machine below `tmp_path`, of either version of them."""

    def make(path, limit, used, inactive=0, *, first=False):
        folder = tmp_path / "sys/fs/cgroup" / path
        folder.mkdir(parents=True, exist_ok=True)
        names = ("limit_in_bytes", "usage_in_bytes") if first else ("max", "current")
        for name, value in zip(names, (limit, used), strict=True):
            (folder / f"memory.{name}").write_text(f"{value}\n")
        total = f"total_inactive_file {inactive}\n" if first else ""
        own = 0 if first else inactive
        (folder / "memory.stat").write_text(f"anon 1\ninactive_file {own}\n{total}")

    return make


def process_in(machine, *lines):
    (machine / "proc/self").mkdir(parents=True)
    (machine / "proc/self/cgroup").write_text("".join(f"{line}\n" for line in lines))


def test_a_containers_limit_counts_less_what_it_uses_but_its_idle_page_cache(tmp_path, group):
    process_in(tmp_path, "0::/")
    group("", 500 * MB, 400 * MB, inactive=150 * MB)
    assert memory.available() == 250 * MB


def test_the_tightest_limit_of_all_groups_above_counts(tmp_path, group):
    process_in(tmp_path, "0::/user.slice/job/step")
    group("user.slice", 900 * MB, 890 * MB)
    group("user.slice/job", 100 * MB, 30 * MB)
    group("user.slice/job/step", "max", 20 * MB)
    assert memory.available() == 10 * MB


def test_the_first_version_of_control_groups_is_understood(tmp_path, group):
    process_in(tmp_path, "9:cpu,cpuacct:/docker/ab", "5:memory:/docker/ab", "0::/docker/ab")
    group("memory", 300 * MB, 200 * MB, inactive=50 * MB, first=True)  # seen as the root
    group("cpu,cpuacct", 1, 1, first=True)
    assert memory.available() == 150 * MB


def test_what_is_used_beyond_the_limit_leaves_nothing(tmp_path, group):
    process_in(tmp_path, "0::/")
    group("", 100 * MB, 101 * MB)
    assert memory.available() == 0


@pytest.mark.parametrize("limit", ["max", 9_223_372_036_854_771_712, "?"])
def test_without_a_limit_it_is_what_the_machine_has_left(tmp_path, group, limit):
    process_in(tmp_path, "0::/")
    group("", limit, 100 * MB)
    left = psutil.virtual_memory().available
    assert memory.available() == pytest.approx(left, rel=0.5)


def test_a_machine_without_control_groups_has_what_it_has_left(monkeypatch):
    left = psutil.virtual_memory().available
    assert memory.available() == pytest.approx(left, rel=0.5)
    monkeypatch.undo()
    assert 0 < memory.available() < 2 * left
