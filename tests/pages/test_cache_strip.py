"""The strip of the frozen-part cache says what the run settings and the schedule come to."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from core.design import layers, presets
from core.design.cache_plan import UNLIMITED, Budget
from core.design.savings import Data, savings
from core.runs.settings import Augment, RunSettings
from core.training.augment import view_count
from pages.components.cache_strip import VIEWS, size, summary

APP = str(Path(__file__).parents[2] / "app.py")
EPOCHS = 37


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    return AppTest.from_file(APP, default_timeout=30)


def drawn(app: AppTest) -> str:
    assert not app.exception, app.exception
    return next(part.proto.body for part in app.get("html") if "thaw-cost" in part.proto.body)


def said(preset: str, budget: Budget = UNLIMITED, views: int | None = 1) -> str:
    schedule = presets.load(preset)
    data = Data(64, 1_000, 1_000, 32, views)
    found = savings(layers.load(schedule.model.name), schedule, data, budget)
    return summary(found, RunSettings())


@pytest.mark.parametrize("augment", get_args(Augment))
def test_views_are_those_that_a_run_draws(augment: Augment) -> None:
    views = VIEWS[augment]
    assert view_count(augment, EPOCHS) == (EPOCHS if views is None else views)


def test_what_is_saved_is_said_in_a_few_words() -> None:
    assert said("gradual") == "skips <b>34%</b> of the work, one pass in epoch 0, 104 MB"


def test_where_nothing_is_saved_it_says_why() -> None:
    assert said("discriminative").startswith("nothing to save: no layer lies before")
    assert said("gradual", Budget(0)).startswith("off: what it would store")
    assert said("head-only", views=None).startswith("not for training: random crops")


def test_sizes_are_told_by_place() -> None:
    assert size(214_000_000) == "214 MB"
    assert size(1_200_000_000, 3_400_000_000) == "1.2 GB and 3.4 GB on disk"
    assert size(0, 5_000_000) == "5 MB on disk"


def test_the_strip_follows_the_run_settings(app: AppTest) -> None:
    app.run()
    app.session_state["settings"] = RunSettings(samples=5_000, image_size=96)
    assert "2,000 images at 96 px" in drawn(app.run())
    app.session_state["settings"] = RunSettings(cache="off")
    assert "switched off in the run settings" in drawn(app.run())
    app.session_state["settings"] = RunSettings(cache_memory=0, cache_disk=0)
    assert "takes more room than it may have" in drawn(app.run())


def test_phases_too_narrow_for_figures_have_them_told_at_the_playhead(app: AppTest) -> None:
    assert '"thaw-cost-last"' in drawn(app.run())
    app.selectbox(key="preset").set_value("exercise-mended").run()
    app.session_state["playhead"] = 5.0
    shown = drawn(app.run())
    assert '"thaw-cost-last slim"' in shown
    assert "Phase 3 of 4" in shown
    assert "layer3.0.conv1</b>" in shown
