"""The estimate before a run: what an earlier run took, scaled by how the work of both compares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.cache_plan.planner import UNLIMITED, CacheBudget
from core.models import layer_table
from core.models.costs import costs
from core.runs import estimate
from core.runs.estimate import Estimate, MeasuredRun, Workload, data_size
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.schedule import edits
from core.schedule.spec import Schedule
from tests.runs.made import finished_run

SETTINGS = RunSettings()
SECONDS = st.floats(0.01, 1e5)


def work(
    schedule: Schedule | str = "gradual",
    settings: RunSettings = SETTINGS,
    images: int = 1_000,
    budget: CacheBudget = UNLIMITED,
) -> Workload:
    made = presets.load(schedule) if isinstance(schedule, str) else schedule
    table = layer_table.load(made.model.name)
    return Workload(made, table, settings, data_size(settings, images, images), budget)


def measured(of: Workload, epochs: tuple[float, ...], **known: object) -> MeasuredRun:
    return replace(MeasuredRun("earlier", of, epochs, 10**9), **known)  # type: ignore[arg-type]


@given(st.lists(SECONDS, min_size=6, max_size=6), st.floats(0.0, 100.0))
def test_a_run_that_is_the_same_but_for_rates_and_seed_takes_what_that_took(
    epochs: list[float], rest: float
) -> None:
    all_of_it = sum(epochs) + rest
    earlier = measured(work(), tuple(epochs), seconds=all_of_it, disk=7 * 10**7)
    changed = edits.set_field(presets.load("gradual"), "optimizer.base_lr", 0.03)
    found = estimate.estimate(work(changed, RunSettings(seed=5)), [earlier])
    assert found.seconds == pytest.approx(all_of_it)
    assert (found.memory, found.disk) == (10**9, 7 * 10**7)
    assert (found.basis, found.run) == ("same run", "earlier")


@given(st.lists(SECONDS, min_size=1, max_size=6), st.floats(0.1, 10.0))
def test_on_a_machine_that_takes_longer_everything_does_by_that_much(
    epochs: list[float], factor: float
) -> None:
    new = work("ulmfit")
    once, slower = (
        estimate.estimate(new, [measured(work(), tuple(seconds))]).seconds
        for seconds in (epochs, [factor * each for each in epochs])
    )
    assert once is not None
    assert slower == pytest.approx(factor * once)


def test_without_a_cache_time_goes_with_epochs_and_images() -> None:
    plain = RunSettings(cache="off")
    every = presets.load("discriminative")
    earlier = measured(work(every, plain, budget=CacheBudget(0)), (2.0,) * every.epochs)

    def seconds(epochs: int, images: int) -> float | None:
        longer = edits.set_field(every, "epochs", epochs)
        return estimate.estimate(work(longer, plain, images, CacheBudget(0)), [earlier]).seconds

    assert seconds(2 * every.epochs, 1_000) == pytest.approx(4.0 * every.epochs)
    assert seconds(every.epochs, 3_000) == pytest.approx(6.0 * every.epochs)


def test_what_a_run_does_beside_its_epochs_is_not_scaled() -> None:
    earlier = measured(work(), (1.0,) * 6, seconds=10.0)
    twice = replace(work(), data=replace(work().data, train_images=2_000, validation_images=2_000))
    found = estimate.estimate(twice, [earlier]).seconds
    assert found == pytest.approx(2 * 6.0 + 4.0, rel=0.02)  # a pass checks a fixed number of images


def test_the_epochs_that_a_run_has_done_are_enough() -> None:
    whole = estimate.estimate(work(), [measured(work(), (1.0,) * 6)]).seconds
    some = estimate.estimate(work(), [measured(work(), (1.0,) * 3)]).seconds
    assert whole == pytest.approx(6.0)
    assert some is not None
    assert some > 3.0


def test_the_nearest_run_counts_then_a_finished_one_then_the_first() -> None:
    other = measured(work("exercise"), (9.0,), run="other model")
    larger = measured(work(settings=RunSettings(image_size=96)), (9.0,), run="other settings")
    longer = measured(work(edits.set_length(presets.load("gradual"), 9)), (9.0,), run="same model")
    stopped = measured(work(), (9.0,), run="stopped")
    finished = measured(work(), (9.0,) * 6, run="finished", seconds=60.0)
    known = [finished, stopped, longer, larger, other]
    while known:
        found = estimate.estimate(work(), known[::-1])
        assert found.run == known[0].run
        assert found.basis == (known[0].run if len(known) < 4 else "same run")
        known = known[1:]
    again = replace(finished, run="again")
    assert estimate.estimate(work(), [again, finished]).run == "again"


def test_where_nothing_has_run_no_time_is_claimed_and_memory_is_what_must_be_held() -> None:
    found, new = estimate.estimate(work(), []), work()
    held = costs(new.table, new.schedule, 64)
    assert (found.seconds, found.basis, found.run) == (None, "none", "")
    assert found.memory > 4 * new.table.parameters + max(part.memory for part in held.phases)
    assert found.disk > 2 * 4 * new.table.parameters
    assert found.most_disk > found.disk


@pytest.mark.parametrize("earlier", [[], [measured(work(), (1.0,) * 6)]])
def test_each_process_of_a_run_takes_the_memory_of_one_with_as_many_micro_batches(
    earlier: list[MeasuredRun],
) -> None:
    one, two = (
        estimate.estimate(work(settings=RunSettings(**of), budget=CacheBudget(0)), earlier)
        for of in ({"accumulate": 2}, {"processes": 2})
    )
    assert two.memory == 2 * one.memory


@given(st.integers(1, 4_000), st.sampled_from([8, 32, 128]), st.integers(0, 10**10))
def test_bytes_are_never_negative_and_grow_with_images_and_batches(
    images: int, batch: int, peak: int
) -> None:
    earlier = [measured(work(), (1.0,), memory=peak)]
    found, larger = (
        estimate.estimate(work("ulmfit", RunSettings(batch_size=of), count), earlier)
        for of, count in ((batch, images), (2 * batch, 2 * images))
    )
    assert 0 <= found.memory <= larger.memory
    assert 0 <= found.disk <= found.most_disk


def test_a_model_that_cannot_be_traced_is_compared_with_itself_alone() -> None:
    blind = replace(work(), table=work().table.model_copy(update={"nodes": ()}))
    assert estimate.estimate(blind, [measured(work("exercise"), (1.0,))]).basis == "none"
    found = estimate.estimate(blind, [measured(blind, (1.0,) * 6)])
    assert (found.basis, found.seconds) == ("same run", pytest.approx(6.0))


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    finished_run(tmp_path, "done", presets.load("gradual"), (0.5,) * 6)
    return [tmp_path / "runs" / name for name in ("gone", "done")]


def test_runs_that_have_ended_on_the_device_are_read_from_their_folders(runs: list[Path]) -> None:
    (found,) = estimate.measured_runs(runs, ("cpu", "CPU"), lambda _: UNLIMITED)
    assert (found.run, found.epochs, found.seconds) == ("done", (2.0, 3.0, 4.0, 5.0, 6.0, 7.0), 9.0)
    assert (found.work.data.train_images, found.work.data.validation_images) == (40, 20)
    assert found.disk
    for device in (("cuda", ""), ("cpu", "another CPU")):
        assert not list(estimate.measured_runs(runs, device, lambda _: UNLIMITED))
    assert list(estimate.measured_runs(runs, ("", ""), lambda _: UNLIMITED)) == [found]


def test_an_estimate_is_read_as_it_was_written_and_a_strange_one_counts_as_none(
    run: Path,
) -> None:
    assert estimate.read(run) is None
    found = Estimate(12.5, 10**9, 10**8, 3 * 10**8, "same run", "earlier")
    estimate.write(run, found)
    assert estimate.read(run) == found
    (run / estimate.ESTIMATE).write_text('{"seconds": -1}')
    assert estimate.read(run) is None
    run_lock.release(run)
