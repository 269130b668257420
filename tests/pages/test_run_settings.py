"""The settings card: each of its controls sets one run setting, and says what it means."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.settings import RunSettings


@pytest.fixture
def card() -> AppTest:
    def script() -> None:
        from pages.components import state
        from pages.components.run_settings import run_settings

        state.begin()
        run_settings(None, live=False)

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
    assert "gives up the last bits" in captions(card)
