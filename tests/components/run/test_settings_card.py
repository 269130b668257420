"""The settings card: each of its controls sets one run setting, and says what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.data import uploads
from core.runs.settings import RunSettings
from pages.components.run.data_picker import BUNDLED
from pages.components.shared.setting_names import LABELS, by_label
from pages.components.shared.state import session_in
from tests.data.zips import classes, zipped
from tests.pages.drawn import html


@pytest.fixture
def card() -> AppTest:
    def script() -> None:
        import streamlit as st

        from pages.components.run.settings_card import run_settings

        run_settings(st.session_state.get("of-run"), live=False)

    return AppTest.from_function(script, default_timeout=120).run()


def settings(card: AppTest) -> RunSettings:
    assert not card.exception, card.exception
    return session_in(card.session_state).settings


def captions(card: AppTest) -> str:
    return " ".join(caption.value for caption in card.caption)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("augment", "crops"),
        ("augment", "color"),
        ("precision", "fast"),
        ("cache", "off"),
        ("device", "cpu"),
        ("autocast", "bf16"),
        ("memory_format", "channels_last"),
        ("decode", "stream"),
    ],
)
def test_a_choice_sets_its_field_alone(card: AppTest, field: str, value: Any) -> None:
    card.selectbox(key=f"setting-{field}").set_value(value).run()
    assert settings(card) == RunSettings().model_copy(update={field: value})


@pytest.mark.parametrize("field", ["cache_memory", "cache_disk", "clip_norm"])
def test_an_empty_limit_is_the_default_again(card: AppTest, field: str) -> None:
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


@pytest.mark.parametrize(
    ("field", "typed", "line"),
    [
        ("image_size", 3, "Is 3: it must be at least 16"),
        ("samples", 1e9, "Is 1000000000: it must be at most 10000000"),
        ("samples", 0, "Is 0: it must be at least 1"),
        ("batch_size", 2.5, "Is 2.5: write a whole number"),
        ("cache_memory", -1, "Is -1: it must be at least 0"),
        ("clip_norm", 0, "Is 0: it must be greater than 0"),
        ("seed", 1e300, "Is 1e+300: write a whole number"),
    ],
)
def test_a_refused_number_stays_in_its_field_and_says_why_below_it(
    card: AppTest, field: str, typed: float, line: str
) -> None:
    control = f"setting-{field}"
    card.number_input(key=control).set_value(typed).run()
    for _ in range(2):
        assert settings(card) == RunSettings()
        assert card.number_input(key=control).value == typed
        assert f'role="alert">{line}</p>' in html(card)
        card.run()
    good = max(16, RunSettings().model_dump()[field] or 0) + 1
    card.number_input(key=control).set_value(good).run()
    assert settings(card) == RunSettings().model_copy(update={field: good})
    assert 'role="alert"' not in html(card)


def test_processes_decode_only_what_is_streamed(card: AppTest) -> None:
    card.number_input(key="setting-workers").set_value(2).run()
    assert "Is 2, but “Decoding” is ahead: use “Decoding processes” 0 or" in html(card)
    card.selectbox(key="setting-decode").set_value("stream").run()
    card.number_input(key="setting-workers").set_value(3).run()
    assert settings(card) == RunSettings(decode="stream", workers=3)


def test_a_whole_number_may_be_written_with_an_exponent(card: AppTest) -> None:
    card.number_input(key="setting-samples").set_value(1e6).run()
    assert settings(card).samples == 1_000_000


def test_no_button_offers_to_empty_a_number_that_has_no_empty_value(card: AppTest) -> None:
    emptied = {each.key for each in card.number_input if not each.proto.HasField("default")}
    assert emptied == {"setting-cache_memory", "setting-cache_disk", "setting-clip_norm"}
    assert {each.proto.default for each in card.number_input if each.key == "setting-samples"} == {
        RunSettings().samples
    }


def test_every_setting_has_one_label_and_other_flags_keep_their_names() -> None:
    assert set(LABELS) == set(RunSettings.model_fields)
    assert len(set(LABELS.values())) == len(LABELS)
    others = "--other-libraries, '--data', x--data, /x/--data/cats or --data_x"
    assert by_label(f"lower --batch-size or (--cache-memory), not {others}") == (
        f"lower “Batch size” or (“Cache memory, MB”), not {others}"
    )
