"""The curve card and the costs in a browser: steps of a number, a download, and the phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core import presets
from tests.browser import driving
from tests.browser.driving import PHONE, OpenPage
from tests.browser.timeline import bar


def card(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-card-{name}")


@pytest.mark.thorough
def test_the_steps_of_a_rate_grow_with_it_and_never_reach_0(open_page: OpenPage) -> None:
    page = open_page("/")
    field = page.get_by_label("Base LR", exact=True)
    expect(field).to_have_value("2e-3")
    field.press("ArrowUp")
    expect(field).to_have_value("3e-3")
    for shown in ("2e-3", "1e-3"):
        field.press("ArrowDown")
        expect(field).to_have_value(shown)
    expect(field).to_have_attribute("step", "0.0001")
    field.press("ArrowDown")
    expect(field).to_have_value("9e-4")


@pytest.mark.thorough
def test_the_exact_numbers_are_shown_and_saved(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator(".st-key-show-table button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("stDataFrame")).to_be_visible()
    dialog.get_by_text("by step").click()
    expect(dialog).to_contain_text("every optimizer step")
    driving.settle(page)
    with page.expect_download() as waiting:
        dialog.get_by_role("button", name="CSV", exact=True).click()
    lines = Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "step,epoch,group,lr,trainable"
    assert len(lines) == 1 + 6 * 32 * 7


def test_a_phases_costs_stand_under_it_and_its_window_is_told_beside_it(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    bar(page, "stage2").click()
    expect(card(page, "window")).to_contain_text("67% of the epochs")
    row = page.get_by_role("table", name="Cost per phase").get_by_role("row", name="Trainable")
    cost = row.get_by_role("cell").nth(2).bounding_box()
    phase = card(page, "timeline").get_by_text("+ stage2").first.bounding_box()
    assert cost is not None
    assert phase is not None
    assert cost["x"] <= phase["x"] < cost["x"] + cost["width"]


@pytest.mark.thorough
def test_a_phone_has_the_curve_in_one_line_and_the_costs_one_phase_at_a_time(
    open_page: OpenPage,
) -> None:
    page = open_page(presets.load("exercise-mended"), PHONE)
    cost = card(page, "cost")
    expect(cost).to_contain_text("Phase 2 of 4")
    cost.get_by_role("button", name="Phase after").tap()
    expect(cost).to_contain_text("Phase 3 of 4")
    expect(card(page, "timeline")).to_contain_text("Epoch 5.00")  # in the middle of the phase
    cost.get_by_role("button", name="Phase before").tap()
    expect(cost).to_contain_text("Phase 2 of 4")
    curve = card(page, "curve")
    rate = curve.get_by_label("Base LR", exact=True)
    expect(rate).to_be_hidden()
    curve.locator("summary").first.tap()
    driving.fill(page, "Epochs", 24)
    expect(curve.locator("summary").first).to_contain_text("24 epochs")
    expect(rate).to_be_visible()  # it stays open
    driving.assert_fits(page)
