"""The curve card without a browser: each control, and the numbers that it steps by."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core import presets
from core.files.home import CODE
from core.schedule import edits
from core.schedule.spec import Schedule
from pages.components.design.curve_card import stretched, summary
from pages.components.design.window_card import learning
from pages.components.shared.fields import sensible_step
from pages.components.shared.history import History
from pages.components.shared.state import session_in
from tests.sample import stairs
from tests.schedule.strategies import schedules

APP = str(CODE / "app.py")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    return AppTest.from_file(APP, default_timeout=120)


def schedule(app: AppTest) -> Schedule:
    assert not app.exception, app.exception
    return session_in(app.session_state).schedule


def choose(app: AppTest, key: str, value: str) -> None:
    app.segmented_control(key=key).set_value(value).run()


def test_the_shape_of_the_warmup_is_chosen(app: AppTest) -> None:
    choose(app.run(), "field:lr.warmup.shape", "cosine")
    assert schedule(app).lr.warmup.shape == "cosine"


def test_without_a_warmup_its_shape_and_start_are_off(app: AppTest) -> None:
    app.run().number_input(key="field:lr.warmup.epochs").set_value(0.0).run()
    assert app.number_input(key="field:lr.warmup.start_factor").disabled
    assert app.segmented_control(key="field:lr.warmup.shape").disabled


def test_the_kind_of_floor_is_chosen_and_keeps_where_the_head_ends(app: AppTest) -> None:
    choose(app.run(), "floor-kind", "LR")
    assert schedule(app).lr.decay.model_dump()["floor"] == {"lr": 5e-5}
    choose(app, "floor-kind", "× peak")
    assert schedule(app).lr.decay.model_dump()["floor"] == {"factor": 0.01}
    app.button(key="undo").click().run()
    assert schedule(app).lr.decay.model_dump()["floor"] == {"lr": 5e-5}
    (floor,) = [field for field in app.number_input if field.label == "Floor, LR"]
    floor.set_value(2e-6).run()
    assert schedule(app).lr.decay.model_dump()["floor"] == {"lr": 2e-6}


def test_thaws_are_stretched_to_another_length_only_on_request_which_can_be_undone(
    app: AppTest,
) -> None:
    def offered() -> bool:
        return any(button.key == "stretch-thaws" for button in app.button)

    began = schedule(app.run())
    assert not offered()
    for epochs in (9, 12):
        (field,) = [field for field in app.number_input if field.label == "Epochs"]
        field.set_value(epochs).run()
        assert schedule(app).groups == began.groups
    app.button(key="stretch-thaws").click().run()
    assert schedule(app) == edits.set_length(began, 12)
    assert not offered()
    app.button(key="undo").click().run()
    assert (schedule(app).groups, schedule(app).epochs) == (began.groups, 12)
    assert offered()
    app.number_input(key="field:lr.group_decay").set_value(0.3).run()
    assert not offered()


@given(schedules(), st.integers(1, 300), st.integers(1, 300))
def test_a_stretch_is_that_of_the_schedule_before_its_length_was_changed(
    began: Schedule, between: int, epochs: int
) -> None:
    longer = edits.set_field(began, "epochs", epochs)
    history = History.start(began).edited(edits.set_field(began, "epochs", between)).edited(longer)
    moved = edits.set_length(began, epochs)
    assert stretched(history) == (None if moved.groups == longer.groups else moved)


def test_a_constant_rate_has_no_floor_to_choose(app: AppTest) -> None:
    app.run().selectbox(key="field:lr.decay.shape").set_value("constant").run()
    assert app.segmented_control(key="floor-kind").disabled
    assert not app.exception


def test_what_only_one_shape_has_comes_with_it(app: AppTest) -> None:
    app.run().selectbox(key="field:lr.decay.shape").set_value("polynomial").run()
    app.number_input(key="field:lr.decay.power").set_value(3.0).run()
    assert schedule(app).lr.decay.model_dump()["power"] == 3.0


def test_weight_decay_and_momentum_are_edited(app: AppTest) -> None:
    app.run().selectbox(key="field:optimizer.name").set_value("sgd").run()
    app.number_input(key="field:optimizer.momentum").set_value(0.8).run()
    app.number_input(key="field:optimizer.weight_decay").set_value(0.05).run()
    optimizer = schedule(app).optimizer.model_dump()
    assert (optimizer["momentum"], optimizer["weight_decay"]) == (0.8, 0.05)
    app.selectbox(key="field:optimizer.name").set_value("adamw").run()
    assert schedule(app).optimizer.weight_decay == 0.01
    assert "field:optimizer.momentum" not in {field.key for field in app.number_input}


def test_the_curve_in_one_line() -> None:
    exercise = presets.load("exercise")
    assert summary(exercise) == "20 epochs, 1e-3, ×0.1, cosine"
    short = edits.set_shape(edits.set_length(exercise, 1), "wsd")
    assert summary(short) == "1 epoch, 1e-3, ×0.1, warmup-stable-decay"


@pytest.mark.parametrize(
    ("value", "step"), [(1e-3, 1e-4), (1.9e-3, 1e-4), (2e-3, 1e-3), (0.5, 0.1), (1e-12, 1e-13)]
)
def test_a_step_is_a_digit_of_the_number(value: float, step: float) -> None:
    assert sensible_step(value) == step


@given(st.floats(1e-12, 1e3))
def test_a_step_is_a_small_part_of_the_number_and_not_too_small(value: float) -> None:
    assert 0.05 * value * (1 - 1e-9) <= sensible_step(value) <= 0.5 * value * (1 + 1e-9)


def test_a_window_says_how_much_of_the_learning_its_group_gets() -> None:
    gradual = stairs()
    told = learning(gradual, gradual.group("stage2"), 0)
    assert told.startswith(
        "Trains in <b>33%</b> of the epochs but gets <b>8.5%</b> of the learning that it would get"
    )
    assert "At epoch 4 it begins with <b>4.4e-5</b>, 35% of its peak." in told
    assert learning(gradual, gradual.group("stem"), 0) == ""
    late = edits.set_windows(gradual, {"head": [[0, 6], [8, None]]})
    assert "This window begins when the run is over." in learning(late, late.group("head"), 1)


@given(schedules())
def test_every_window_of_any_schedule_has_its_sentence(schedule: Schedule) -> None:
    for group in schedule.groups:
        for index in range(len(group.trainable)):
            told = learning(schedule, group, index)
            assert "nan" not in told
            assert told.startswith("Trains in") or group.trainable[0][0] >= schedule.epochs
