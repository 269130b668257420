"""The curve card and the costs in a browser: every control, the exact numbers, and the phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from core.design import link, presets
from tests.browser import driving
from tests.browser.driving import PHONE

OpenPage = Callable[..., Page]


def card(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-card-{name}")


def choose(page: Page, group: str, name: str) -> None:
    """Choose a segment of a switch, and wait until the page has drawn it as chosen."""
    segments = card(page, "curve").get_by_role("radiogroup", name=group)
    segments.get_by_role("radio", name=name, exact=True).click()
    driving.settle(page)
    expect(segments.get_by_role("radio", name=name, exact=True)).to_be_checked()


def schedule(page: Page) -> dict[str, Any]:
    driving.file_menu(page)
    found = driving.download_schedule(page)
    page.keyboard.press("Escape")
    return found


def test_the_controls_of_the_curve_edit_what_they_say(open_page: OpenPage) -> None:
    page = open_page("/")
    curve = card(page, "curve")
    floor = curve.get_by_label("Floor, LR", exact=True)
    choose(page, "Floor is", "LR")
    expect(floor).to_have_value("5e-5")  # 0.01 of the head's 5e-3
    choose(page, "Floor is", "× peak")
    expect(curve.get_by_label("Floor × peak", exact=True)).to_have_value("0.01")
    page.locator(".st-key-undo button").first.click()
    expect(floor).to_have_value("5e-5")
    driving.fill(page, "Floor, LR", 2e-6)
    choose(page, "Warmup shape", "cosine")
    curve.locator("summary").click()
    driving.fill(page, "Weight decay", 0.02)
    expect(curve.locator("summary")).to_contain_text("weight decay 0.02")
    found = schedule(page)
    assert found["lr"]["warmup"] == {"epochs": 1.0, "start_factor": 0.1, "shape": "cosine"}
    assert found["lr"]["decay"] == {"shape": "cosine", "floor": {"lr": 2e-6}}
    assert found["optimizer"]["weight_decay"] == 0.02
    # what only one optimizer or shape has comes with it
    driving.choose(page, "Optimizer", "SGD")
    driving.fill(page, "Momentum", 0.5)
    driving.choose(page, "Shape", "Polynomial")
    driving.fill(page, "Power", 3)
    found = schedule(page)
    assert found["optimizer"]["momentum"] == 0.5
    assert found["lr"]["decay"]["power"] == 3.0


def test_the_steps_of_a_rate_grow_with_it_and_never_reach_0(open_page: OpenPage) -> None:
    page = open_page("/")
    field = page.get_by_label("Base LR", exact=True)
    expect(field).to_have_value("2e-3")
    for shown in ("3e-3", "4e-3"):
        field.press("ArrowUp")
        expect(field).to_have_value(shown)
    for shown in ("3e-3", "2e-3", "1e-3"):
        field.press("ArrowDown")
        expect(field).to_have_value(shown)
    expect(field).to_have_attribute("step", "0.0001")
    field.press("ArrowDown")
    expect(field).to_have_value("9e-4")
    assert schedule(page)["optimizer"]["base_lr"] == 9e-4


def test_the_exact_numbers_are_saved_by_epoch_and_by_step(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator(".st-key-show-table button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("stDataFrame")).to_be_visible()
    for by, words, lines in (
        ("epoch", "first step of each epoch", 1 + 6 * 7),
        ("step", "every optimizer step", 1 + 6 * 32 * 7),
    ):
        dialog.get_by_text(f"by {by}").click()
        expect(dialog).to_contain_text(words)
        driving.settle(page)
        with page.expect_download() as waiting:
            dialog.get_by_role("button", name="CSV", exact=True).click()
        text = Path(waiting.value.path()).read_text(encoding="utf-8")
        assert len(text.splitlines()) == lines
        assert text.startswith("step,epoch,group,lr,trainable\n")


def test_window_and_costs_agree_with_the_timeline(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("button", name="stage2 trains in epochs 4 to 6", exact=True).click()
    expect(card(page, "window")).to_contain_text(
        "Trains in 33% of the epochs but gets 8.5% of the learning"
    )
    expect(card(page, "window")).to_contain_text("At epoch 4 it begins with")
    last = page.get_by_role("table", name="Cost per phase").get_by_role("row", name="Trainable")
    box = last.get_by_role("cell").nth(4).bounding_box()
    phase = page.locator(".st-key-card-timeline").get_by_text("+ stage2").first.bounding_box()
    assert box is not None
    assert phase is not None
    assert box["x"] <= phase["x"] <= box["x"] + 40


def test_the_costs_are_a_table_that_is_read_by_rows_and_columns(open_page: OpenPage) -> None:
    page = open_page(f"/?s={link.encode(presets.load('exercise-mended'))}")
    table = page.get_by_role("table", name="Cost per phase")
    expect(table.get_by_role("columnheader")).to_have_count(6)
    row = table.get_by_role("row", name="Trainable")
    # narrow columns show bars alone, but their figures are read
    expect(row.get_by_role("cell")).to_have_text(
        ["5,130", "8,398,858", "10,498,570", "11,024,138", "of 11,181,642"]
    )


def test_a_phone_has_the_curve_in_one_line_and_the_costs_one_phase_at_a_time(
    open_page: OpenPage,
) -> None:
    page = open_page(f"/?s={link.encode(presets.load('exercise-mended'))}", PHONE)
    cost = card(page, "cost")
    expect(cost).to_contain_text("Phase 2 of 4, epochs 2–4")
    expect(cost).to_contain_text("8,398,858")
    cost.get_by_role("button", name="Phase after").tap()
    expect(cost).to_contain_text("Phase 3 of 4, epochs 4–6")
    expect(page.locator(".st-key-card-timeline")).to_contain_text("Epoch 5.00")
    cost.get_by_role("button", name="Phase before").tap()
    expect(cost).to_contain_text("Phase 2 of 4")
    curve = card(page, "curve")
    expect(curve).to_contain_text("20 epochs, 1e-3, ×0.1, cosine")
    expect(curve.get_by_label("Base LR", exact=True)).to_be_hidden()
    curve.locator("summary").first.tap()
    driving.fill(page, "Epochs", 24)
    expect(curve).to_contain_text("24 epochs")
    expect(curve.get_by_label("Base LR", exact=True)).to_be_visible()  # it stays open
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
