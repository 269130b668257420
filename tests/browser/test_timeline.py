"""The timeline in a browser: its tools, several windows at once, zoom, and the curve's handles."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core.design import link, presets
from core.design.parse import from_raw, to_raw
from core.design.spec import Schedule
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE
from tests.browser.faults import serious_faults
from tests.browser.fingers import Fingers

OpenPage = Callable[..., Page]


def long_run(**lr: Any) -> Schedule:
    """Gradual unfreezing over 300 epochs, the groups thawing 20 epochs apart."""
    raw = to_raw(presets.load("gradual"))
    raw["epochs"] = 300
    raw["lr"] |= {"warmup": {"epochs": 10, "start_factor": 0.1}, **lr}
    for at, group in enumerate(reversed(raw["groups"])):
        group["trainable"] = [[20 * at, None]]
    return from_raw(raw)


def opened(open_page: OpenPage, schedule: Schedule, *args: Any) -> Page:
    page = open_page(f"/?s={link.encode(schedule)}", *args)
    page.wait_for_selector(".stVegaLiteChart svg.marks")
    driving.settle(page)
    return page


def bar(page: Page, group: str) -> Locator:
    """The first bar of a group."""
    return page.get_by_role("button", name=re.compile(f"^{group} trains in epochs")).first


def tool(page: Page, name: str) -> Locator:
    return page.get_by_role("toolbar", name="Edit the timeline").get_by_role(
        "button", name=name, exact=True
    )


def expect_windows(page: Page, group: str, *expected: str) -> None:
    found = page.get_by_role("button", name=re.compile(f"^{group} trains in epochs"))
    expect(found).to_have_count(len(expected))
    for each, span in zip(found.all(), expected, strict=True):
        start, end = span.split("-")
        expect(each).to_have_attribute("aria-label", re.compile(f"epochs {start} to {end}(,|$)"))


def drag(page: Page, handle: Locator, across: float, down: float = 0) -> None:
    """Move a handle by so many pixels, with the mouse."""
    x, y = driving.middle(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=4)
    page.mouse.up()


def undo(page: Page) -> None:
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    page.keyboard.press("Control+z")


def x_labels(page: Page) -> list[str]:
    """What the rate chart writes under its time axis."""
    axis = page.locator(".stVegaLiteChart .role-axis-label").first
    return [text for text in axis.locator("text").all_text_contents() if text]


def test_windows_are_added_split_and_removed_by_buttons(open_page: OpenPage) -> None:
    page = open_page("/")
    expect(tool(page, "Split")).to_have_attribute("title", "Split: select a bar first")
    bar(page, "stage4").click()
    expect_windows(page, "stage4", "2-6")
    expect(tool(page, "Split")).to_have_attribute("aria-disabled", "false")
    tool(page, "Split").click()
    expect_windows(page, "stage4", "2-3", "4-6")
    expect(page.get_by_role("button", name=re.compile("^stage4.*window 2"))).to_have_attribute(
        "aria-pressed", "true"
    )
    tool(page, "Remove window").click()
    expect_windows(page, "stage4", "2-3")
    tool(page, "Add window").click()
    expect_windows(page, "stage4", "2-3", "4-6")
    page.keyboard.press("Control+z")
    expect_windows(page, "stage4", "2-3")


def test_a_double_click_splits_a_bar_and_thaws_in_a_gap(open_page: OpenPage) -> None:
    page = open_page("/")
    bar(page, "head").dblclick()
    expect_windows(page, "head", "0-3", "4-6")
    page.get_by_role("button", name="stage4 is frozen in epochs 0 to 2: add a window").dblclick()
    expect_windows(page, "stage4", "0-1", "2-6")
    undo(page)
    expect_windows(page, "stage4", "2-6")


def test_windows_are_added_split_and_removed_by_keys(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("button", name="stage4 is frozen in epochs 0 to 2: add a window").focus()
    page.keyboard.press("Enter")
    expect_windows(page, "stage4", "0-1", "2-6")
    expect(page.get_by_role("status").filter(has_text="stage4")).to_have_text(
        "stage4 trains in epochs 0 to 1"
    )
    bar(page, "head").focus()
    page.keyboard.press("s")
    expect_windows(page, "head", "0-3", "4-6")
    page.keyboard.press("Delete")
    expect_windows(page, "head", "4-6")
    page.keyboard.press("n")
    expect_windows(page, "head", "2-3", "4-6")


def test_selected_bars_are_dragged_together(open_page: OpenPage) -> None:
    page = opened(open_page, long_run())
    bar(page, "stage4").click(position={"x": 200, "y": 16})
    bar(page, "stage3").click(modifiers=["Shift"], position={"x": 200, "y": 16})
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")
    expect(bar(page, "stage3")).to_have_attribute("aria-pressed", "true")
    x, y, target = driving.place_of(page, "stage4", 60)
    page.mouse.move(x, y)
    page.mouse.down()
    page.keyboard.down("Alt")  # so that no other edge holds it
    page.mouse.move(target, y, steps=4)
    page.mouse.up()
    page.keyboard.up("Alt")
    starts = [driving.epoch_of(driving.thaw(page, group)) for group in ("stage4", "stage3")]
    assert starts[1] - starts[0] == 20
    assert abs(starts[0] - 60) <= 1
    expect(page.get_by_label("Thaws at", exact=True).last).to_have_value(str(starts[0]))
    undo(page)
    expect(driving.thaw(page, "stage3")).to_have_attribute("aria-valuenow", "60")


def test_a_row_is_added_to_the_selection_by_keys_and_all_step_together(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    bar(page, "stage4").focus()
    page.keyboard.press("Shift+ArrowDown")
    expect(bar(page, "stage3")).to_have_attribute("aria-pressed", "true")
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")
    before = [driving.epoch_of(driving.thaw(page, group)) for group in ("stage4", "stage3")]
    page.keyboard.press("ArrowRight")
    for group, epoch in zip(("stage4", "stage3"), before, strict=True):
        expect(driving.thaw(page, group)).to_have_attribute("aria-valuenow", str(epoch + 1))
    # Until it is sent, Escape takes the step back; then it lets go of what is selected besides.
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page.locator('[aria-pressed="true"][aria-label*="trains in"]')).to_have_count(1)


def test_a_cascade_is_previewed_taken_back_and_applied_as_one_edit(open_page: OpenPage) -> None:
    page = open_page("/")
    before = {"head": ["0-6"], "conv_head": ["1-6"], "stage4": ["2-6"], "stage3": ["3-6"]}
    tool(page, "Cascade").click()
    popover = page.get_by_role("dialog", name="Cascade")
    popover.get_by_label("First thaw").fill("1")
    popover.get_by_label("Epochs apart").fill("1")
    expect_windows(page, "stage4", "3-6")
    expect_windows(page, "head", "1-6")
    page.keyboard.press("Escape")
    expect(popover).to_be_hidden()
    expect(tool(page, "Cascade")).to_be_focused()
    for group, spans in before.items():
        expect_windows(page, group, *spans)
    expect(page.locator(".st-key-undo button").first).to_be_disabled()

    page.keyboard.press("Enter")
    popover.get_by_label("Epochs apart").fill("2")
    popover.get_by_label("Each trains").select_option("until the next thaws")
    expect_windows(page, "conv_head", "2-4")
    popover.get_by_label("Each trains").press("Control+z")
    expect(popover).to_be_hidden()
    expect_windows(page, "head", *before["head"])

    tool(page, "Cascade").click()
    popover.get_by_label("Epochs apart").fill("2")
    popover.get_by_label("Each trains").select_option("until the next thaws")
    popover.get_by_role("button", name="Apply").click()
    expect_windows(page, "head", "0-2")
    expect_windows(page, "conv_head", "2-4")
    expect_windows(page, "stage4", "4-6")
    undo(page)
    for group, spans in before.items():
        expect_windows(page, group, *spans)
    expect(page.locator(".st-key-undo button").first).to_be_disabled()


def test_zoom_shows_the_same_part_of_the_run_in_timeline_and_chart(open_page: OpenPage) -> None:
    page = opened(open_page, long_run())
    assert x_labels(page)[-1] == "300"
    for _ in range(3):
        tool(page, "Zoom in").click()
    scroll = page.get_by_role("scrollbar", name="Part of the run that is shown")
    expect(scroll).to_have_attribute("aria-valuetext", re.compile(r"epochs \d to \d\d of 300"))
    expect(page.locator(".stVegaLiteChart .role-axis-label").first).not_to_contain_text("300")
    ticks = page.locator(".st-key-card-timeline .tick:not([hidden])").all_inner_texts()
    assert set(x_labels(page)) & set(ticks)
    # Two epochs were five pixels apart before: now they are forty.
    handle = driving.thaw(page, "conv_head")
    drag(page, handle, 40)
    expect(handle).to_have_attribute("aria-valuenow", "22")
    # A handle out of sight is brought into view by the keyboard.
    driving.tab_to(page, "e.getAttribute('aria-label') === 'stem thaws'")
    expect(scroll).to_have_attribute("aria-valuetext", re.compile(r"epochs 1\d\d to 1\d\d"))
    page.keyboard.press("0")
    expect(scroll).to_be_hidden()
    expect(page.locator(".stVegaLiteChart .role-axis-label").first).to_contain_text("300")


def test_the_wheel_zooms_round_the_pointer_and_moves_along(open_page: OpenPage) -> None:
    page = opened(open_page, long_run())
    x, y = driving.middle(bar(page, "head"))
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -240)
    page.keyboard.up("Control")
    scroll = page.get_by_role("scrollbar", name="Part of the run that is shown")
    expect(scroll).to_have_attribute("aria-valuetext", re.compile("epochs 1[45]"))
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 2000)
    page.keyboard.up("Shift")
    expect(scroll).not_to_have_attribute("aria-valuetext", re.compile("epochs 1[45]"))


def test_a_finger_adds_to_the_selection_thaws_in_a_gap_and_splits(open_page: OpenPage) -> None:
    page = open_page("/", PHONE)
    driving.settle(page)
    fingers = Fingers(page)
    bar(page, "stage4").scroll_into_view_if_needed()
    fingers.tap(bar(page, "stage4"))
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")
    fingers.rest(bar(page, "head"))
    expect(bar(page, "head")).to_have_attribute("aria-pressed", "true")
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")
    fingers.rest(page.get_by_role("button", name="stage4 is frozen in epochs 0 to 2: add a window"))
    expect_windows(page, "stage4", "0-1", "2-6")
    tool(page, "Remove window").tap()
    expect_windows(page, "stage4", "2-6")


def test_two_fingers_zoom_and_one_moves_what_is_shown(open_page: OpenPage) -> None:
    page = opened(open_page, long_run(), PHONE)
    fingers = Fingers(page)
    head = bar(page, "head")
    head.scroll_into_view_if_needed()
    x, y = driving.middle(head)
    fingers.pinch((x - 40, y), (x + 40, y), (x - 120, y), (x + 120, y))
    scroll = page.get_by_role("scrollbar", name="Part of the run that is shown")
    expect(scroll).to_have_attribute("aria-valuetext", re.compile(r"epochs (9|10)\d to (19|20)\d"))
    gap = page.get_by_role("button", name=re.compile("^stem is frozen"))
    gap.scroll_into_view_if_needed()
    box = gap.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    fingers.swipe((60, middle), (300, middle))
    expect(scroll).to_have_attribute("aria-valuetext", re.compile(r"epochs [2-4]\d to 1\d\d"))
    wide = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= PHONE["width"]


def test_the_handles_of_every_shape_edit_the_curve(open_page: OpenPage) -> None:
    page = opened(open_page, long_run())
    warmup = page.get_by_role("slider", name="Warmup ends")
    cooldown = page.get_by_role("slider", name="Cooldown begins")
    floor = page.get_by_role("slider", name="Floor")
    shapes = ["Linear", "Constant", "Polynomial", "Warmup, stable, decay", "Cosine"]
    for at, shape in enumerate(shapes, start=1):
        driving.choose(page, "Shape", shape)
        expect(cooldown).to_have_count(1 if shape.startswith("Warmup") else 0)
        expect(floor).to_have_count(0 if shape == "Constant" else 1)
        drag(page, warmup, 24)
        expect(warmup).to_have_attribute("aria-valuenow", re.compile(f"{at + 1}[0-9](.5)?"))
        typed = page.get_by_label("Warmup epochs", exact=True).last
        expect(typed).to_have_value(warmup.get_attribute("aria-valuenow") or "")
        if shape.startswith("Warmup"):
            drag(page, cooldown, -100)
            cool = page.get_by_label("Cooldown, last part", exact=True).last
            expect(cool).to_have_value(re.compile(r"0\.3\d+"))
            drag(page, floor, 0, -12)
            share = page.get_by_label("Floor × peak", exact=True).last
            expect(share).to_have_value(re.compile(r"0\.[34]\d?"))


def test_an_absolute_floor_has_a_handle_that_edits_the_rate(open_page: OpenPage) -> None:
    page = opened(open_page, presets.load("exercise"))
    floor = page.get_by_role("slider", name="Floor")
    expect(floor).to_have_attribute("aria-valuetext", "a rate of 1.0e-6")
    floor.focus()
    page.keyboard.press("ArrowUp")
    expect(floor).to_have_attribute("aria-valuetext", "a rate of 2.0e-6")
    expect(page.get_by_label("Floor, LR", exact=True).last).to_have_value(
        re.compile("^2e-0?6$|0.000002")
    )
    page.get_by_role("button", name="Restart the curve at thaw").click()
    expect(page.get_by_role("button", name="Restart the curve at thaw")).to_have_attribute(
        "aria-pressed", "true"
    )
    undo(page)
    expect(page.get_by_role("button", name="Restart the curve at thaw")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_a_fine_hand_holds_on_to_another_groups_edge_unless_alt_is_down(
    open_page: OpenPage,
) -> None:
    page = opened(open_page, long_run())
    x, y, target = driving.place_of(page, "stage4", 58)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(target, y, steps=4)
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "60")
    expect(page.locator(".guide")).to_be_visible()
    page.keyboard.down("Alt")
    page.mouse.move(target - 1, y)
    expect(driving.thaw(page, "stage4")).not_to_have_attribute("aria-valuenow", "60")
    expect(page.locator(".guide")).to_be_hidden()
    page.keyboard.up("Alt")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "40")


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "dark"), (PHONE, "light")])
def test_no_serious_fault_with_the_popover_open_or_zoomed(
    open_page: OpenPage, viewport: Any, scheme: str
) -> None:
    page = opened(open_page, long_run(), viewport, scheme)
    tool(page, "Zoom in").click()
    tool(page, "Zoom in").click()
    assert serious_faults(page) == []
    tool(page, "Cascade").click()
    expect(page.get_by_role("dialog", name="Cascade")).to_be_visible()
    assert serious_faults(page) == []
