"""The pages without a browser: what their controls do to the one schedule of the session."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.design import link, presets
from core.design.spec import Schedule

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    return AppTest.from_file(APP, default_timeout=30)


def _schedule(app: AppTest) -> Schedule:
    assert not app.exception, app.exception
    schedule: Schedule = app.session_state["history"].present
    return schedule


def test_a_new_session_shows_the_default_preset(app: AppTest) -> None:
    assert _schedule(app.run()) == presets.load(presets.DEFAULT)


def test_a_number_typed_into_the_curve_card_is_in_the_schedule(app: AppTest) -> None:
    app.run().number_input(key="field:epochs").set_value(9).run()
    assert _schedule(app).epochs == 9
    app.number_input(key="field:lr.decay.floor.factor").set_value(0.25).run()
    assert _schedule(app).lr.decay.model_dump()["floor"] == {"factor": 0.25}


@pytest.mark.parametrize("shape", ["cosine", "linear", "constant", "wsd", "polynomial"])
def test_every_shape_can_be_chosen_and_drawn(app: AppTest, shape: str) -> None:
    app.run().selectbox(key="field:lr.decay.shape").set_value(shape).run()
    assert _schedule(app).lr.decay.shape == shape


@pytest.mark.parametrize("preset", presets.names())
def test_every_preset_can_be_chosen_and_drawn(app: AppTest, preset: str) -> None:
    app.run().selectbox(key="preset").set_value(preset).run()
    assert _schedule(app) == presets.load(preset)


def test_another_model_brings_its_groups_and_keeps_the_thaws_from_the_head(app: AppTest) -> None:
    app.run().selectbox(key="model").set_value("torchvision/resnet50").run()
    schedule = _schedule(app)
    assert schedule.model.weights == "IMAGENET1K_V2"
    thaws = {group.name: group.trainable for group in schedule.groups}
    assert thaws["head"] == ((0, None),)
    assert thaws["layer4"] == presets.load("gradual").group("conv_head").trainable


def test_undo_and_redo_walk_through_the_edits(app: AppTest) -> None:
    app.run().number_input(key="field:epochs").set_value(9).run()
    app.button(key="undo").click().run()
    assert _schedule(app) == presets.load(presets.DEFAULT)
    app.button(key="redo").click().run()
    assert _schedule(app).epochs == 9


def test_an_empty_name_is_refused_in_words_and_changes_nothing(app: AppTest) -> None:
    app.run().text_input(key="name").set_value("   ").run()
    assert _schedule(app).name == presets.load(presets.DEFAULT).name
    assert "name" in app.error[0].value
    app.run()
    assert not app.error


def test_a_fix_mends_the_schedule_and_can_be_undone(app: AppTest) -> None:
    app.run().selectbox(key="preset").set_value("exercise").run()
    fix = next(button for button in app.button if button.key.startswith("fix-rising-lr"))
    fix.click().run()
    assert _schedule(app).lr.decay.model_dump()["floor"] == {"factor": 0.001}
    app.button(key="undo").click().run()
    assert _schedule(app) == presets.load("exercise")


def test_a_link_opens_its_schedule(app: AppTest) -> None:
    app.query_params["s"] = link.encode(presets.load("exercise"))
    assert _schedule(app.run()) == presets.load("exercise")
    assert "s" not in app.query_params


@pytest.mark.parametrize("text", ["nonsense", "%%%", "eJwDAAAAAAE", "ü", "A" * 20_000, ""])
def test_a_broken_link_says_so_and_leaves_the_work_alone(app: AppTest, text: str) -> None:
    app.query_params["s"] = text
    assert _schedule(app.run()) == presets.load(presets.DEFAULT)
    assert "the link" in app.error[0].value
