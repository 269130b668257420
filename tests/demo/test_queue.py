"""The queue of the hosted demo: tickets in a folder, in order, passed over when nobody is there."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.demo import limits, queue
from core.demo.limits import LIMITS
from core.demo.queue import QueuePlace
from core.errors import InputError
from core.runs import run_folder
from core.runs.processes import run_lock


@pytest.fixture
def line(tmp_path: Path) -> Path:
    return tmp_path / "queue"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def held(runs: Path) -> Path:
    """A run that is on: this process runs it."""
    run_folder.create(runs / "held", limits.first_schedule(), limits.first_settings())
    return runs / "held"


def go_away(line: Path, ticket: str) -> None:
    long_ago = time.time() - LIMITS.ticket_timeout_seconds - 1
    os.utime(line / ticket, (long_ago, long_ago))


def never() -> str:
    raise AssertionError("it is not the turn of this one")


def test_where_nobody_is_ahead_and_nothing_runs_it_begins_at_once(line: Path, runs: Path) -> None:
    assert queue.wait(line, queue.join(line), runs, lambda: "begun") == "begun"
    assert [file.name for file in line.iterdir()] == ["lock"]


def test_while_a_run_is_on_places_are_in_the_order_of_coming(
    line: Path, runs: Path, held: Path
) -> None:
    first, second = queue.join(line), queue.join(line)
    assert queue.wait(line, second, runs, never) == QueuePlace(1, 2)
    assert queue.wait(line, first, runs, never) == QueuePlace(0, 2)
    run_lock.release(held)
    assert queue.wait(line, second, runs, never) == QueuePlace(1, 2)
    assert queue.wait(line, first, runs, lambda: "first") == "first"
    assert queue.wait(line, second, runs, lambda: "second") == "second"


def test_who_leaves_frees_the_place(line: Path, runs: Path, held: Path) -> None:
    first, second = queue.join(line), queue.join(line)
    queue.leave(line, first)
    queue.leave(line, first)
    assert queue.wait(line, second, runs, never) == QueuePlace(0, 1)


def test_who_gives_no_sign_is_passed_over_and_has_the_old_place_on_coming_back(
    line: Path, runs: Path, held: Path
) -> None:
    first, second = queue.join(line), queue.join(line)
    go_away(line, first)
    assert queue.wait(line, second, runs, never) == QueuePlace(0, 1)
    assert queue.wait(line, first, runs, never) == QueuePlace(0, 2)
    assert queue.wait(line, second, runs, never) == QueuePlace(1, 2)


def test_a_full_queue_says_so_and_has_room_again_when_someone_is_gone(line: Path) -> None:
    tickets = [queue.join(line, f"v{number}") for number in range(LIMITS.waiting)]
    with pytest.raises(
        InputError, match="queue is full, with 20 waiting: try again in a few minutes"
    ):
        queue.join(line)
    go_away(line, tickets[3])
    queue.join(line)


def test_a_run_that_cannot_begin_uses_its_ticket_up(line: Path, runs: Path) -> None:
    def fails() -> str:
        raise InputError("THAW_HOME", "is full", "free some space")

    with pytest.raises(InputError, match="free some space"):
        queue.wait(line, queue.join(line), runs, fails)
    assert queue.wait(line, queue.join(line), runs, lambda: "begun") == "begun"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"THAW_HOME is .* where file cannot be written"):
        queue.join(tmp_path / "file")


def test_of_many_at_once_one_begins(line: Path, runs: Path) -> None:
    """Whoever begins claims a run folder, as a launch does; all others see it."""

    def begin() -> str:
        run_folder.create(runs / "one", limits.first_schedule(), limits.first_settings())
        return "begun"

    tickets = [queue.join(line) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda ticket: queue.wait(line, ticket, runs, begin), tickets))
    assert told.count("begun") == 1


def test_one_visitor_leaves_half_of_the_places_to_others(line: Path) -> None:
    for _ in range(LIMITS.waiting // 2):
        queue.join(line, "greedy")
    with pytest.raises(InputError, match="queue has 10 places that were taken from your network"):
        queue.join(line, "greedy")
    queue.join(line, "other")


def test_a_file_that_is_no_ticket_keeps_nobody_out(line: Path) -> None:
    queue.join(line)
    (line / "stray").touch()
    queue.join(line)
