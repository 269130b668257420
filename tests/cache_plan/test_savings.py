"""The estimate that a page shows is the plan that a run makes, but for the measured seconds."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.cache_plan.planner import UNLIMITED, CacheBudget
from core.cache_plan.savings import DataSize, Savings, planned_epochs, savings
from core.grouping import group_paths, resolve_groups
from core.models import layer_table
from core.runs.events import CacheDecision
from core.runs.settings import RunSettings
from core.schedule import edits
from core.schedule.plan import phases
from core.schedule.spec import ModelRef, Schedule
from core.training import data as images
from core.training import models
from core.training.cache.engine import FrozenCache
from core.training.job import Job
from core.training.numerics import Arithmetic
from core.training.shards import Shards
from tests.sample import stairs
from tests.schedule.strategies import windows

DATA = DataSize(image_size=64, train_images=1_000, validation_images=1_000, batch_size=32)
IMAGES = 384
CASCADE = stairs()
"""One more group each epoch; in none do all groups train."""


def of(preset: str | Schedule, data: DataSize = DATA, budget: CacheBudget = UNLIMITED) -> Savings:
    schedule = presets.load(preset) if isinstance(preset, str) else preset
    return savings(layer_table.load(schedule.model.name), schedule, data, budget)


def planned_by_a_run(schedule: Schedule, scratch: Path) -> tuple[list[str], list[int]]:
    """Per phase, before which module a run cuts and how many bytes it holds; weights are random."""
    torch.manual_seed(0)
    network = models.pretrained(ModelRef(name=schedule.model.name), 10, 64)
    groups = resolve_groups(network.model, group_paths(schedule))
    pictures = torch.randint(256, (IMAGES, 3, 64, 64), dtype=torch.uint8)
    split = images.Split(pictures, torch.arange(IMAGES) % 10)
    cache = FrozenCache(
        network,
        groups,
        Job(schedule, RunSettings(batch_size=32, image_size=64, cache_memory=10_000), scratch),
        images.Data(split, split, tuple("abcdefghij")),
        Shards(1, range(1), 32),
        Arithmetic(torch.device("cpu")),
    )
    cuts, held = [], []
    for phase in phases(schedule):
        told = list(cache.training_path(phase.start))
        (decision,) = [event for event in told if isinstance(event, CacheDecision)]
        found = re.match(r"the layers before (\S+) ran", decision.reason)
        cuts.append(found.group(1) if found else "")
        held.append(decision.bytes)
    return cuts, held


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(CASCADE, id="a cascade on the bundled model"),
        pytest.param(presets.load("exercise-mended"), id="the exercise's thaws on resnet18"),
    ],
)
def test_every_phase_is_cut_where_a_run_cuts_it(schedule: Schedule, tmp_path: Path) -> None:
    table = layer_table.load(schedule.model.name)
    data = replace(DATA, train_images=IMAGES, validation_images=IMAGES)
    found = savings(table, schedule, data, UNLIMITED)
    cuts, held = planned_by_a_run(schedule, tmp_path)
    assert [phase.before for phase in found.phases] == cuts
    assert all(cuts)
    assert set(held) == {found.memory}


def test_the_shares_add_up_to_what_the_run_saves_but_for_its_passes() -> None:
    found = of(CASCADE)
    lengths = [phase.end - phase.start for phase in found.phases]
    plain = sum(n * p.plain for n, p in zip(lengths, found.phases, strict=True))
    cached = sum(n * p.cached for n, p in zip(lengths, found.phases, strict=True))
    # the pass: images of both splits once through all but the head, of 3 + 1 forward passes,
    # and of the training images a batch of 32 and the last one of 8 once more
    assert (1 - cached / plain - found.saved) * plain == pytest.approx((1.04 + 1.0) / 4, abs=0.005)


def test_an_epoch_of_the_head_alone_costs_half_of_one_in_which_all_groups_train() -> None:
    (phase,) = of("head-only").phases
    assert phase.plain == pytest.approx(0.5, abs=0.01)  # 1 + 1 forward passes of 3 + 1
    assert phase.saved > 0.9


def test_what_a_phase_holds_shrinks_as_later_phases_need_less() -> None:
    held = [phase.bytes for phase in of("gradual").phases]
    assert held == sorted(held, reverse=True)
    assert held[0] == of("gradual").memory


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (of("gradual"), ""),
        (of("discriminative"), "moving"),
        (of("gradual", replace(DATA, views=None)), "open-ended"),
        (of("gradual", budget=CacheBudget(1_000)), "budget"),
    ],
)
def test_where_no_phase_trains_from_stored_tensors_it_says_why(found: Savings, why: str) -> None:
    assert found.why == why
    assert any(phase.before for phase in found.phases) == (not why)


def test_open_ended_augmentation_leaves_validation_to_be_cached() -> None:
    found = of("head-only", replace(DATA, views=None))
    # one of the epoch's 1 + 1 forward passes, in five of six epochs
    assert found.saved == pytest.approx(5 / 6 / 2, abs=0.03)


def test_a_single_epoch_is_not_worth_a_pass() -> None:
    schedule = edits.set_field(presets.load("head-only"), "epochs", 1)
    found = savings(layer_table.load(schedule.model.name), schedule, DATA, UNLIMITED)
    assert found.why == "not worth it"


def test_a_network_that_cannot_be_traced_is_said_to_be_so() -> None:
    schedule = presets.load("gradual")
    table = layer_table.load(schedule.model.name).model_copy(update={"nodes": ()})
    assert savings(table, schedule, DATA, UNLIMITED) == Savings(0.0, (), why="untraceable")


@pytest.mark.parametrize("preset", ["gradual", "head-only", "discriminative"])
def test_the_costs_of_all_epochs_are_those_without_the_cache_less_what_it_saves(
    preset: str,
) -> None:
    schedule = presets.load(preset)
    table = layer_table.load(schedule.model.name)
    cached, plain = (
        planned_epochs(table, schedule, DATA, budget) for budget in (UNLIMITED, CacheBudget(0))
    )
    found = of(preset)
    assert len(cached.costs) == schedule.epochs
    assert sum(cached.costs) == pytest.approx((1.0 - found.saved) * sum(plain.costs))
    assert (cached.memory, cached.disk) == (found.memory, found.disk)
    assert (plain.memory, plain.disk) == (0, 0)


def test_more_views_never_save_more() -> None:
    saved = [of("head-only", replace(DATA, views=views)).saved for views in (1, 2, 10, None)]
    assert saved == sorted(saved, reverse=True)
    assert saved[0] > saved[1] > saved[2]


@given(data=st.data())
def test_any_schedule_saves_a_share_and_covers_the_run(data: st.DataObject) -> None:
    schedule = presets.load("gradual")
    drawn = {group.name: data.draw(windows(schedule.epochs)) for group in schedule.groups}
    for name, chosen in drawn.items():
        schedule = edits.set_windows(schedule, {name: chosen})
    found = savings(layer_table.load(schedule.model.name), schedule, DATA, UNLIMITED)
    assert 0.0 <= found.saved < 1.0
    assert [(p.start, p.end) for p in found.phases] == [(p.start, p.end) for p in phases(schedule)]
    for phase in found.phases:
        assert 0.0 <= phase.cached <= phase.plain <= 1.0 + 1e-9
        assert phase.bytes > 0 or not phase.before
