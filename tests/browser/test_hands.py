"""A hand on the timeline beside other ways to edit: neither takes back what the other has done."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser import driving
from tests.browser.driving import PHONE
from tests.browser.fingers import Fingers
from tests.browser.test_timeline import bar, expect_windows, long_run, opened, tool, x_labels

OpenPage = Callable[..., Page]


def begun(open_page: OpenPage, *args: Any) -> Page:
    """The page of a new session, at rest: places on it stay where they are."""
    page = open_page("/", *args)
    page.wait_for_selector(".stVegaLiteChart svg.marks")
    driving.settle(page)
    return page


def field(page: Page, label: str) -> Locator:
    """The newest field of that name, which has given way to another one if there are two."""
    return page.get_by_label(label, exact=True).last


def expect_thaws(page: Page, group: str, epoch: int) -> None:
    expect(driving.thaw(page, group)).to_have_attribute("aria-valuenow", str(epoch))


def undo_button(page: Page) -> Locator:
    return page.locator(".st-key-undo button").first


def let_go(page: Page, x: float, y: float) -> None:
    """Draw the mouse to a place, and let go there."""
    page.mouse.move(x, y, steps=4)
    page.mouse.up()


def grab(page: Page, place: tuple[float, float]) -> None:
    page.mouse.move(*place)
    page.mouse.down()


def test_a_drag_keeps_the_number_that_was_typed_just_before(open_page: OpenPage) -> None:
    page = begun(open_page)
    for answered, typed, drawn in ((True, 5, 4), (False, 4, 5)):
        bar(page, "stage3").click()
        x, y, target = driving.place_of(page, "stage4", drawn)
        field(page, "Thaws at").fill(str(typed))
        grab(page, (x, y))  # which commits the number
        if answered:
            expect(undo_button(page)).to_be_enabled()
        let_go(page, target, y)
        expect(field(page, "Thaws at")).to_have_value(str(drawn))  # of the bar in hand now
        for _ in range(2):
            expect_thaws(page, "stage4", drawn)
            expect_thaws(page, "stage3", typed)
            driving.settle(page)


def test_the_other_edge_of_a_bar_keeps_the_number_that_was_typed(open_page: OpenPage) -> None:
    page = begun(open_page)
    bar(page, "stage3").click()
    _, _, target = driving.place_of(page, "stage3", 5)
    x, y = driving.middle(page.get_by_role("slider", name="stage3 freezes", exact=True))
    field(page, "Thaws at").fill("2")
    grab(page, (x, y))
    expect(undo_button(page)).to_be_enabled()
    let_go(page, target, y)
    for _ in range(2):
        expect(bar(page, "stage3")).to_have_attribute("aria-label", re.compile("epochs 2 to 5"))
        driving.settle(page)


def test_a_drag_does_not_take_back_an_undo(open_page: OpenPage) -> None:
    page = begun(open_page)
    for answered, undone, drawn in ((True, 5, 4), (False, 4, 5)):
        driving.drag_with_mouse(page, "stage3", undone)
        expect_thaws(page, "stage3", undone)
        expect(undo_button(page)).to_be_enabled()
        driving.settle(page)
        x, y, target = driving.place_of(page, "stage4", drawn)
        undo_button(page).click()
        grab(page, (x, y))
        if answered:
            expect(undo_button(page)).to_be_disabled()
        let_go(page, target, y)
        for _ in range(2):
            expect_thaws(page, "stage4", drawn)
            expect_thaws(page, "stage3", 3)
            driving.settle(page)


def test_a_key_that_undoes_and_a_drag_at_once_both_count(open_page: OpenPage) -> None:
    page = begun(open_page)
    for epoch, back in ((5, 3), (4, 3)):
        driving.drag_with_mouse(page, "stage3", epoch)
        expect(undo_button(page)).to_be_enabled()
        page.keyboard.press("Control+z")
        driving.drag_with_mouse(page, "stage4", epoch)
        expect_thaws(page, "stage3", back)
        expect_thaws(page, "stage4", epoch)
        driving.settle(page)
        expect_thaws(page, "stage3", back)
        expect_thaws(page, "stage4", epoch)


def test_a_handle_of_the_curve_keeps_the_warmup_that_was_typed(open_page: OpenPage) -> None:
    page = begun(open_page)
    floor = page.get_by_role("slider", name="Floor")
    before = floor.get_attribute("aria-valuenow") or ""
    field(page, "Warmup epochs").fill("2")
    x, y = driving.middle(floor)
    grab(page, (x, y))
    expect(undo_button(page)).to_be_enabled()
    let_go(page, x, y - 12)
    expect(floor).not_to_have_attribute("aria-valuenow", before)
    for _ in range(2):
        expect(field(page, "Floor × peak")).not_to_have_value(before)
        expect(field(page, "Warmup epochs")).to_have_value("2")
        expect(page.get_by_role("slider", name="Warmup ends")).to_have_attribute(
            "aria-valuenow", "2"
        )
        driving.settle(page)


def test_a_drag_of_what_has_other_windows_by_now_is_refused_in_words(open_page: OpenPage) -> None:
    page = begun(open_page)
    bar(page, "stage3").dblclick()
    expect_windows(page, "stage3", "3-4", "5-6")
    expect(undo_button(page)).to_be_enabled()
    second = page.get_by_role("slider", name="stage3 thaws, window 2")
    x, y = driving.middle(second)
    undo_button(page).click()
    grab(page, (x, y))
    expect(undo_button(page)).to_be_disabled()
    page.mouse.move(x - 20, y)
    let_go(page, x - 150, y)
    expect(page.get_by_test_id("stAlert")).to_contain_text("stage3 has other windows now")
    expect_windows(page, "stage3", "3-6")


def test_letting_go_of_the_selected_bar_is_told_to_the_page(open_page: OpenPage) -> None:
    page = begun(open_page)
    bar(page, "stage4").click()
    card = page.locator(".st-key-card-window")
    expect(card).to_contain_text("stage4")
    bar(page, "stage4").click(modifiers=["Shift"])
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "false")
    expect(card).to_contain_text("Select a bar in the timeline")
    page.get_by_role("slider", name="Warmup ends").press("ArrowRight")
    expect(undo_button(page)).to_be_enabled()
    expect(card).to_contain_text("Select a bar in the timeline")
    bar(page, "stage4").click()
    expect(card).to_contain_text("stage4")


def test_a_finger_that_rests_on_a_handle_still_drags_it(open_page: OpenPage) -> None:
    page = begun(open_page, PHONE)
    x, y, target = driving.place_of(page, "stage4", 4)
    Fingers(page).swipe((x, y), (target, y), rests=True)
    expect_thaws(page, "stage4", 4)
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")


def test_a_second_finger_ends_a_drag_and_zooms(open_page: OpenPage) -> None:
    page = opened(open_page, long_run(), PHONE)
    x, y, target = driving.place_of(page, "stage4", 80)
    Fingers(page).join((x, y), (target, y), (target + 60, y), (target + 160, y))
    scroll = page.get_by_role("scrollbar", name="Part of the run that is shown")
    expect(scroll).to_have_attribute("aria-valuetext", re.compile("epochs .* of 300"))
    expect_thaws(page, "stage4", 40)
    driving.settle(page)
    expect_thaws(page, "stage4", 40)
    first = scroll.get_attribute("aria-valuetext")
    Fingers(page).tap(bar(page, "head"))  # one finger is one finger again
    expect(bar(page, "head")).to_have_attribute("aria-pressed", "true")
    expect(scroll).to_have_attribute("aria-valuetext", first or "")


def test_undo_by_key_works_from_a_switch_and_from_a_select_box(open_page: OpenPage) -> None:
    page = begun(open_page)
    bar(page, "stage4").click()
    switch = page.get_by_role("switch", name="BatchNorm moves while frozen").last
    switch.focus()
    page.keyboard.press("Space")
    expect(undo_button(page)).to_be_enabled()
    page.keyboard.press("Control+z")
    expect(undo_button(page)).to_be_disabled()
    expect(switch).not_to_be_checked()

    driving.choose(page, "Shape", "Linear")
    expect(undo_button(page)).to_be_enabled()
    page.keyboard.press("Control+z")
    expect(undo_button(page)).to_be_disabled()
    driving.settle(page)  # until then Streamlit may keep the box that has given way
    expect(page.get_by_role("combobox", name="Shape")).to_have_value("Cosine")

    driving.drag_with_mouse(page, "stage4", 4)
    expect(undo_button(page)).to_be_enabled()
    page.get_by_role("combobox", name="Model").click()
    page.keyboard.type("resnet5")
    page.keyboard.press("Control+z")  # of what is searched for
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")  # out of the list, beside which nothing has a role
    expect_thaws(page, "stage4", 4)


def test_what_is_shown_of_a_run_is_the_same_after_another_page(open_page: OpenPage) -> None:
    page = opened(open_page, long_run())
    for _ in range(3):
        tool(page, "Zoom in").click()
    scroll = page.get_by_role("scrollbar", name="Part of the run that is shown")
    page.wait_for_timeout(500)  # until it is told, and drawn
    driving.settle(page)
    shown, labels = scroll.get_attribute("aria-valuetext"), x_labels(page)
    driving.go_to(page, "Run")
    driving.settle(page)
    page.get_by_role("link", name="Design", exact=True).first.click()
    page.wait_for_selector(".stVegaLiteChart svg.marks")
    driving.settle(page)
    expect(scroll).to_have_attribute("aria-valuetext", shown or "")
    assert x_labels(page) == labels
    assert "300" not in labels
    driving.thaw(page, "stage4").focus()
    page.keyboard.press("0")
    expect(scroll).to_be_hidden()
    expect(page.locator(".stVegaLiteChart .role-axis-label").first).to_contain_text("300")
