"""A hand on the timeline beside other ways to edit: neither takes back what the other has done."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.driving import PHONE, OpenPage, undo_button
from tests.browser.fingers import Fingers
from tests.browser.timeline import (
    at_rest,
    bar,
    expect_thaws,
    expect_windows,
    field,
    gap,
    long_run,
    scrollbar,
    tool,
)
from tests.sample import stairs, thorough

BEFORE_OR_AFTER = pytest.mark.parametrize(
    "answered", [True, *thorough(False)], ids=lambda told: "answered" if told else "under way"
)
"""Whether the page has the answer to the other edit already when the hand lets go."""


def let_go(page: Page, x: float, y: float) -> None:
    """Draw the mouse to a place, and let go there."""
    page.mouse.move(x, y, steps=4)
    page.mouse.up()


def grab(page: Page, place: tuple[float, float]) -> None:
    page.mouse.move(*place)
    page.mouse.down()


@BEFORE_OR_AFTER
def test_a_drag_keeps_the_number_that_was_typed_just_before(
    open_page: OpenPage, answered: bool
) -> None:
    page = at_rest(open_page("/"))
    bar(page, "stage3").click()
    x, y, target = driving.place_of(page, "stage4", 4)
    field(page, "Thaws at").fill("5")
    grab(page, (x, y))  # which commits the number
    if answered:
        expect(undo_button(page)).to_be_enabled()
    let_go(page, target, y)
    expect(field(page, "Thaws at")).to_have_value("4")  # of the bar in hand now
    for _ in range(2):
        expect_thaws(page, "stage4", 4)
        expect_thaws(page, "stage3", 5)
        driving.settle(page)


@pytest.mark.thorough
def test_the_other_edge_of_a_bar_and_a_handle_of_the_curve_keep_what_was_typed(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page(stairs()))
    bar(page, "stage3").click()
    _, _, target = driving.place_of(page, "stage3", 5)
    x, y = driving.middle(page.get_by_role("slider", name="stage3 freezes", exact=True))
    field(page, "Thaws at").fill("2")
    grab(page, (x, y))  # which commits the number
    expect(undo_button(page)).to_be_enabled()
    let_go(page, target, y)
    for _ in range(2):
        expect_windows(page, "stage3", "2-5")
        driving.settle(page)

    floor = page.get_by_role("slider", name="Floor")
    before, chart = floor.get_attribute("aria-valuenow") or "", driving.rates(page).inner_html()
    field(page, "Warmup epochs").fill("2")
    x, y = driving.middle(floor)
    grab(page, (x, y))
    driving.expect_redrawn(page, chart)
    let_go(page, x, y - 12)
    expect(floor).not_to_have_attribute("aria-valuenow", before)
    for _ in range(2):
        expect(field(page, "Floor × peak")).not_to_have_value(before)
        expect(field(page, "Warmup epochs")).to_have_value("2")
        expect(page.get_by_role("slider", name="Warmup ends")).to_have_attribute(
            "aria-valuenow", "2"
        )
        driving.settle(page)


@BEFORE_OR_AFTER
def test_a_drag_does_not_take_back_an_undo(open_page: OpenPage, answered: bool) -> None:
    page = at_rest(open_page("/"))
    driving.drag_with_mouse(page, "stage3", 5)
    expect_thaws(page, "stage3", 5)
    expect(undo_button(page)).to_be_enabled()
    driving.settle(page)
    x, y, target = driving.place_of(page, "stage4", 4)
    undo_button(page).click()
    grab(page, (x, y))
    if answered:
        expect(undo_button(page)).to_be_disabled()
    let_go(page, target, y)
    for _ in range(2):
        expect_thaws(page, "stage4", 4)
        expect_thaws(page, "stage3", 2)
        driving.settle(page)


@pytest.mark.thorough
def test_a_key_that_undoes_and_a_drag_at_once_both_count(open_page: OpenPage) -> None:
    page = at_rest(open_page(stairs()))
    driving.drag_with_mouse(page, "stage3", 5)
    expect(undo_button(page)).to_be_enabled()
    page.keyboard.press("Control+z")
    driving.drag_with_mouse(page, "stage4", 4)
    for _ in range(2):
        expect_thaws(page, "stage3", 3)
        expect_thaws(page, "stage4", 4)
        driving.settle(page)


@pytest.mark.thorough
def test_a_drag_of_what_has_other_windows_by_now_is_refused_in_words(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
    bar(page, "stage3").dblclick()
    expect_windows(page, "stage3", "2-4", "5-6")
    expect(undo_button(page)).to_be_enabled()
    second = page.get_by_role("slider", name="stage3 thaws, window 2")
    x, y = driving.middle(second)
    grab(page, (x, y))
    undo_button(page).dispatch_event("click")  # as if it had been pressed a moment before
    expect(undo_button(page)).to_be_disabled()
    page.mouse.move(x - 20, y)
    let_go(page, x - 150, y)
    expect(page.get_by_test_id("stToast")).to_contain_text("Nothing was changed")
    expect_windows(page, "stage3", "2-6")


@pytest.mark.thorough
def test_letting_go_of_the_selected_bar_is_told_to_the_page(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
    bar(page, "stage4").click()
    card = page.locator(".st-key-card-window")
    expect(card).to_contain_text("stage4")
    bar(page, "stage4").click(modifiers=["Shift"])
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "false")
    expect(card).not_to_contain_text("stage4")
    page.get_by_role("slider", name="Warmup ends").press("ArrowRight")
    expect(undo_button(page)).to_be_enabled()
    driving.settle(page)
    expect(card).not_to_contain_text("stage4")
    bar(page, "stage4").click()
    expect(card).to_contain_text("stage4")


def test_a_finger_drags_what_it_rests_on_adds_to_the_selection_and_thaws_in_a_gap(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page("/", PHONE))
    fingers = Fingers(page)
    x, y, target = driving.place_of(page, "stage4", 4)
    fingers.swipe((x, y), (target, y), rests=True)
    expect_thaws(page, "stage4", 4)
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")
    fingers.rest(bar(page, "head"))
    expect(bar(page, "head")).to_have_attribute("aria-pressed", "true")
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")
    fingers.rest(gap(page, "stage4"))
    expect(page.get_by_role("button", name=re.compile("^stage4 trains in"))).to_have_count(2)
    tool(page, "Remove window").tap()
    expect_windows(page, "stage4", "4-6")


@pytest.mark.thorough
def test_two_fingers_zoom_and_one_moves_what_is_shown(open_page: OpenPage) -> None:
    page = at_rest(open_page(long_run(), PHONE))
    fingers = Fingers(page)
    x, y, target = driving.place_of(page, "stage4", 80)
    fingers.join((x, y), (target, y), (target + 60, y), (target + 160, y))
    scroll = scrollbar(page)
    expect(scroll).to_have_attribute("aria-valuetext", re.compile("epochs .* of 300"))
    for _ in range(2):  # the second finger has ended the first one's drag
        expect_thaws(page, "stage4", 40)
        driving.settle(page)
    shown = scroll.get_attribute("aria-valuetext") or ""
    fingers.tap(bar(page, "head"))  # one finger is one finger again
    expect(bar(page, "head")).to_have_attribute("aria-pressed", "true")
    expect(scroll).to_have_attribute("aria-valuetext", shown)
    page.keyboard.press("0")
    expect(scroll).to_be_hidden()

    head = bar(page, "head")
    head.scroll_into_view_if_needed()
    x, y = driving.middle(head)
    fingers.pinch((x - 40, y), (x + 40, y), (x - 120, y), (x + 120, y))
    expect(scroll).to_have_attribute("aria-valuetext", re.compile(r"epochs (9|10)\d to (19|20)\d"))
    frozen = gap(page, "stem")
    frozen.scroll_into_view_if_needed()
    box = frozen.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    fingers.swipe((60, middle), (300, middle))
    expect(scroll).to_have_attribute("aria-valuetext", re.compile(r"epochs [2-4]\d to 1\d\d"))
    driving.assert_fits(page)


@pytest.mark.thorough
def test_undo_by_key_works_from_a_switch_and_from_a_select_box(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
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
    expect(page.get_by_role("combobox", name="Shape").last).to_have_value("Cosine")

    driving.drag_with_mouse(page, "stage4", 4)
    expect(undo_button(page)).to_be_enabled()
    page.get_by_role("combobox", name="Model").click()
    page.keyboard.type("resnet5")
    page.keyboard.press("Control+z")  # of what is searched for
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")  # out of the list, beside which nothing has a role
    expect_thaws(page, "stage4", 4)
