"""The cost strip says what the schedule, the layer table and the run settings come to."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.cache_plan.planner import UNLIMITED, CacheBudget
from core.cache_plan.savings import DataSize, Savings, savings
from core.files.home import CODE
from core.models import layer_table
from core.models.costs import Costs
from core.runs import memory
from core.runs.settings import FREE_SHARE, VIEWS, Augment, RunSettings
from core.schedule import edits, link
from core.schedule.words import percent
from core.training.augment import view_count
from pages.components.design.cost_rows import phase_at, rows
from pages.components.design.cost_strip import NO_TABLE
from pages.components.shared import cost_figures
from pages.components.shared import cost_words as words
from pages.components.shared.cost_figures import figures
from pages.components.shared.state import session_in
from tests.sample import stairs

APP = str(CODE / "app.py")
EPOCHS = 37


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    return AppTest.from_file(APP, default_timeout=120)


def drawn(app: AppTest) -> str:
    assert not app.exception, app.exception
    return next(part.proto.body for part in app.get("html") if '"thaw-cost' in part.proto.body)


def line(html: str, title: str) -> list[str]:
    """The texts of a row's cells."""
    row = next(part for part in html.split('role="row"') if f">{title}" in part)
    cells = re.findall(r'role="cell"[^>]*>(.*?)(?:</div>|</em>|</span>)', row)
    return [re.sub(r"<[^>]*>", "", cell) for cell in cells]


def saved(preset: str, budget: CacheBudget = UNLIMITED, views: int | None = 1) -> Savings:
    schedule = presets.load(preset)
    data = DataSize(64, 1_000, 1_000, 32, views)
    return savings(layer_table.load(schedule.model.name), schedule, data, budget)


def costs_of(preset: str) -> Costs:
    """What the page tells of a preset with the bundled data, which has ten classes."""
    schedule = presets.load(preset)
    table = layer_table.for_classes(layer_table.load(schedule.model.name), 10)
    return figures(schedule, table, RunSettings()).costs


@pytest.mark.parametrize("augment", get_args(Augment))
def test_views_are_those_that_a_run_draws(augment: Augment) -> None:
    views = VIEWS[augment]
    assert view_count(augment, EPOCHS) == (EPOCHS if views is None else views)


def test_a_containers_limit_bounds_the_memory_of_the_preview_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    schedule, settings = stairs(), RunSettings(cache_disk=0)
    table = layer_table.load(schedule.model.name)
    held = []
    for free in (10**9, 10**8):
        monkeypatch.setattr(memory, "available", lambda free=free: free)
        cost_figures._free.clear()
        held.append(figures(schedule, table, settings).savings.memory)
    cost_figures._free.clear()
    assert held[0] > 25_000_000 >= held[1]


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="there is no second disk")
def test_the_disk_of_the_preview_is_the_one_that_runs_are_kept_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = []
    for home in ("/thaw-is-not-here", "/dev/shm/thaw-is-not-here"):
        monkeypatch.setenv("THAW_HOME", home)
        left.append(cost_figures.budget(RunSettings()).disk)
        disk = shutil.disk_usage(Path(home).parent).free * FREE_SHARE
        assert left[-1] == pytest.approx(disk, rel=0.1)
    assert left[0] != left[1]
    monkeypatch.setenv("THAW_HOME", "~nosuchuser/x")
    assert cost_figures.budget(RunSettings()).disk == pytest.approx(left[0], rel=0.1)


def test_what_is_saved_is_said_in_a_few_words() -> None:
    found = saved("gradual")
    told = words.summary(found, RunSettings())
    assert f"{found.saved:.0%}" in told
    assert words.size(found.memory, found.disk) in told


def test_where_nothing_is_saved_it_says_why() -> None:
    nothing = {
        "moving": saved("discriminative"),
        "budget": saved("gradual", CacheBudget(0)),
        "open-ended": saved("head-only", views=None),
    }
    assert {why: found.why for why, found in nothing.items()} == {why: why for why in nothing}
    told = [words.why_off(found, RunSettings()) for found in nothing.values()]
    assert "" not in told
    assert len(set(told)) == len(told)
    assert told[1] == words.summary(nothing["budget"], RunSettings())


def test_what_serves_validation_only_is_not_called_off() -> None:
    settings = RunSettings()
    found = Savings(0.2, (), precompute_passes=(0,), why="not worth it")
    assert "validation" in words.why_off(found, settings)
    assert "validation" not in words.why_off(replace(found, precompute_passes=()), settings)


def test_sizes_are_told_by_place() -> None:
    assert words.size(214_000_000) == "214 MB"
    assert words.size(1_200_000_000, 3_400_000_000) == "1.2 GB and 3.4 GB on disk"
    assert words.size(0, 5_000_000) == "5.0 MB on disk"
    assert words.size(51_000) == "51.0 kB"
    assert words.size(0) == "0 MB"


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0"), (999, "999"), (1_024_000, "1.02 M"), (148_766_720, "149 M"), (3_628e6, "3.63 G")],
)
def test_flops_are_told_in_three_digits(count: int, told: str) -> None:
    assert words.flops(int(count)) == told


def test_shares_are_told_in_two_or_three_digits() -> None:
    assert [percent(x) for x in (0.0, 0.0361, 0.0998, 0.62, 1.0)] == [
        "0%",
        "3.6%",
        "10%",
        "62%",
        "100%",
    ]


def test_every_row_has_a_cell_for_each_phase_and_bars_within_their_tracks() -> None:
    for name in presets.names():
        schedule = presets.load(name)
        found = figures(schedule, layer_table.load(schedule.model.name), RunSettings())
        for row in rows(found, "Adam", RunSettings()):
            assert row.note or len(row.cells) == len(found.costs.phases)
            assert all(0 <= cell.dark <= 1 and 0 <= cell.pale <= 1 for cell in row.cells)


def test_a_change_of_rates_computes_nothing_anew() -> None:
    schedule = presets.load("gradual")
    table, settings = (
        layer_table.load(schedule.model.name),
        RunSettings(cache_memory=1, cache_disk=1),
    )
    before = figures(schedule, table, settings)
    faster = edits.set_field(schedule, "optimizer.base_lr", 0.5)
    after = figures(faster, table, settings)
    assert after.costs is before.costs
    assert after.savings is before.savings


def test_the_phase_of_the_playhead_is_that_which_begins_there() -> None:
    schedule = presets.load("exercise-mended")
    found = figures(schedule, layer_table.load(schedule.model.name), RunSettings())
    starts = [part.start for part in found.costs.phases]
    assert [phase_at(found, start) for start in starts] == list(range(len(starts)))
    assert phase_at(found, float(schedule.epochs)) == len(starts) - 1


def test_the_strip_is_a_table_of_what_each_phase_costs(app: AppTest) -> None:
    app.query_params["s"] = link.encode(presets.load("exercise-mended"))
    html, costs = drawn(app.run()), costs_of("exercise-mended")
    assert html.count('role="columnheader"') == 1 + len(costs.phases) + 1
    assert "Phase 2 of 4, epochs 2–4" in html
    every = (*costs.phases, costs.whole)
    trainable = [cell.removeprefix("of ") for cell in line(html, "Trainable")]
    assert trainable == [f"{part.trainable:,}" for part in every]
    memory = [cell.removeprefix("of ") for cell in line(html, "Gradients + Adam")]
    assert memory == [words.amount(part.memory) for part in every]
    first = costs.phases[0]
    for figure in (first.forward, first.backward):
        assert words.flops(figure) in line(html, "FLOPs per image")[0]
    assert len(line(html, "Compute per epoch")) == len(every)
    assert "faster" in line(html, "Frozen-part cache")[-1]


def test_the_strip_follows_the_run_settings(app: AppTest) -> None:
    app.run()
    session_in(app.session_state).settings = RunSettings(samples=5_000, image_size=96)
    assert "2,000 images at 96 px" in drawn(app.run())
    off, full = RunSettings(cache="off"), RunSettings(cache_memory=0, cache_disk=0)
    for settings, why in ((off, saved("gradual")), (full, saved("gradual", CacheBudget(0)))):
        session_in(app.session_state).settings = settings
        assert words.why_off(why, settings) in drawn(app.run())


def test_phases_too_narrow_for_figures_have_them_told_at_the_playhead(app: AppTest) -> None:
    foot = drawn(app.run()).split("thaw-cost-foot")[1]
    assert "trainable" not in foot
    app.query_params["s"] = link.encode(presets.load("exercise-mended"))
    app.run()
    session_in(app.session_state).design.playhead = 5.0
    foot = drawn(app.run()).split("thaw-cost-foot")[1]
    assert "Phase 3 of 4, epochs 4–6" in foot
    assert f"{costs_of('exercise-mended').phases[2].trainable:,}" in foot
    assert "layer3.0.conv1" in foot


def test_a_zoomed_axis_shows_the_phases_that_are_seen(app: AppTest) -> None:
    def script() -> None:
        import streamlit as st

        from core import presets
        from core.models import layer_table
        from core.runs.settings import RunSettings
        from pages.components.design.cost_strip import cost_strip

        schedule = presets.load("exercise-mended")
        table = layer_table.load(schedule.model.name)
        cost_strip(schedule, table, RunSettings(), 5.0, span=(3.5, 5.0))
        cost_strip(schedule, None, RunSettings(), 5.0)
        st.write("")

    zoomed, unknown = (part.proto.body for part in AppTest.from_function(script).run().get("html"))
    assert re.findall(r"([\d.]+)fr", zoomed) == ["0.5", "1"]  # epochs that are seen of each phase
    assert len(line(zoomed, "Trainable")) == 2 + 1
    assert NO_TABLE in unknown
