"""The settings card: each of its controls sets one run setting, and says what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.data import uploads
from core.runs.settings import RunSettings
from pages.components.data_choice import BUNDLED
from pages.components.setting_names import LABELS, by_label
from tests.data.zips import classes, zipped


@pytest.fixture
def card() -> AppTest:
    def script() -> None:
        import streamlit as st

        from pages.components import state
        from pages.components.run_settings import run_settings

        state.begin()
        run_settings(st.session_state.get("of-run"), live=False)

    return AppTest.from_function(script, default_timeout=120).run()


def settings(card: AppTest) -> RunSettings:
    assert not card.exception, card.exception
    found: RunSettings = card.session_state["settings"]
    return found


def captions(card: AppTest) -> str:
    return " ".join(caption.value for caption in card.caption)


@pytest.mark.parametrize(
    ("field", "value"),
    [("augment", "crops"), ("precision", "fast"), ("cache", "off"), ("device", "cpu")],
)
def test_a_choice_sets_its_field_alone(card: AppTest, field: str, value: Any) -> None:
    card.selectbox(key=f"setting-{field}").set_value(value).run()
    assert settings(card) == RunSettings().model_copy(update={field: value})


@pytest.mark.parametrize("field", ["cache_memory", "cache_disk"])
def test_an_empty_budget_is_the_default_again(card: AppTest, field: str) -> None:
    control = f"setting-{field}"
    assert card.number_input(key=control).value is None
    card.number_input(key=control).set_value(300).run()
    assert settings(card) == RunSettings().model_copy(update={field: 300})
    card.number_input(key=control).set_value(None).run()
    assert settings(card) == RunSettings()


def test_another_number_that_is_cleared_changes_nothing(card: AppTest) -> None:
    card.number_input(key="setting-samples").set_value(None).run()
    assert settings(card) == RunSettings()


def test_what_augmentation_and_precision_mean_is_said(card: AppTest) -> None:
    card.selectbox(key="setting-augment").set_value("flip").run()
    assert "cached view by view" in captions(card)
    card.selectbox(key="setting-augment").set_value("random").run()
    assert "open-ended" in captions(card)
    assert "changes no bit" in captions(card)
    card.selectbox(key="setting-precision").set_value("fast").run()
    assert "neither bit-exact nor repeatable" in captions(card)


def test_a_message_that_was_under_way_while_a_run_was_left_brings_nothing_of_its_settings(
    card: AppTest, tmp_path: Path
) -> None:
    zip_of_two = zipped(classes("cat", "dog"))
    *_, unpacked = uploads.unpack(zip_of_two, "pets.zip", tmp_path, uploads.limits())
    runs = (
        RunSettings(batch_size=64, seed=7, augment="flip", cache_disk=9, data=str(unpacked.folder)),
        RunSettings(batch_size=32, data=str(tmp_path)),
    )
    for of_run in runs:
        card.session_state["of-run"] = of_run
        shown = card.run()._tree.get_widget_states()
        del card.session_state["of-run"]
        card.run()
        card._run(shown)  # as the second of two taps on New run brings it
        assert settings(card) == RunSettings()
        assert card.selectbox[0].value == BUNDLED


def test_a_run_that_is_shown_has_its_own_settings_locked(card: AppTest) -> None:
    card.session_state["of-run"] = RunSettings(batch_size=64)
    shown = [*card.run().number_input, *card.selectbox]
    assert 64 in [control.value for control in shown]
    assert all(control.disabled for control in shown)
    assert settings(card) == RunSettings()


def test_a_message_calls_a_setting_by_the_label_of_its_field(card: AppTest) -> None:
    card.number_input(key="setting-image_size").set_value(3).run()
    assert card.session_state["notice"].startswith("Nothing was changed: “Image size, px” is 3: ")


def test_every_setting_has_one_label_and_other_flags_keep_their_names() -> None:
    assert set(LABELS) == set(RunSettings.model_fields)
    assert len(set(LABELS.values())) == len(LABELS)
    others = "--other-libraries, '--data', x--data, /x/--data/cats or --data_x"
    assert by_label(f"lower --batch-size or (--cache-memory), not {others}") == (
        f"lower “Batch size” or (“Cache memory, MB”), not {others}"
    )
