"""The list of runs: filtered by words and stars, and sorted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import presets
from core.runs import label, listing
from core.runs.description import describe
from tests.runs.made import finished_run

ACCURACIES = {"a": (0.5, 0.7), "b": (0.9,), "c": (0.2,), "d": ()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    home = tmp_path_factory.mktemp("home")
    for name, reached in ACCURACIES.items():
        finished_run(home, name, presets.load("gradual"), reached)
    found = tuple(home / "runs" / name for name in ACCURACIES)
    label.write(found[0], "Zebra", "lower RATES for the stem", starred=True)
    label.write(found[2], "apple", "")
    return found


def names(found: tuple[Path, ...]) -> str:
    return "".join(run.name for run in found)


def test_words_are_found_wherever_a_run_is_told_in_any_case_and_all_of_them(
    runs: tuple[Path, ...],
) -> None:
    assert names(listing.filtered_runs(runs, "rates ZEBRA")) == "a"
    assert names(listing.filtered_runs(runs, "rates apple")) == ""
    assert names(listing.filtered_runs(runs, "lite0 finished 90.0%")) == "b"
    assert names(listing.filtered_runs(runs, "gradual")) == "abcd"  # also under a name of their own
    assert names(listing.filtered_runs(runs, starred=True)) == "a"


def test_runs_are_sorted_by_what_they_reached_and_those_without_it_come_last(
    runs: tuple[Path, ...],
) -> None:
    assert names(listing.filtered_runs(runs, order="highest accuracy")) == "bacd"
    assert names(listing.filtered_runs(runs, order="name")) == "cbda"
    by_time = listing.filtered_runs(runs, order="shortest time")
    assert names(by_time) == "abcd"  # newest first where equal


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("abe7 %"), st.booleans(), st.sampled_from(listing.ORDERS))
def test_a_list_has_each_run_that_fits_once_whatever_the_order(
    runs: tuple[Path, ...], words: str, starred: bool, order: str
) -> None:
    found = listing.filtered_runs(runs, words, starred=starred, order=order)
    assert set(found) == set(listing.filtered_runs(runs, words, starred=starred))
    assert len(set(found)) == len(found)
    assert all(describe(run).starred for run in found if starred)
