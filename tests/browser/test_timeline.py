"""The timeline in a browser: its tools, several windows at once, zoom, and the curve's handles."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import ViewportSize, expect

from core import presets
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE, OpenPage
from tests.browser.faults import serious_faults
from tests.browser.timeline import (
    at_rest,
    bar,
    drag,
    expect_thaws,
    expect_windows,
    field,
    gap,
    long_run,
    scrollbar,
    time_axis,
    tool,
    undo,
    x_labels,
)
from tests.sample import stairs, thorough


@pytest.mark.thorough
def test_windows_are_added_split_and_removed_by_mouse(open_page: OpenPage) -> None:
    page = at_rest(open_page(stairs()))
    expect(tool(page, "Split")).to_have_attribute("aria-disabled", "true")
    bar(page, "stage4").click()
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

    driving.settle(page)
    bar(page, "head").dblclick()
    expect_windows(page, "head", "0-3", "4-6")
    gap(page, "stage3").dblclick()
    expect(page.get_by_role("button", name=re.compile("^stage3 trains in"))).to_have_count(2)
    undo(page)
    expect_windows(page, "stage3", "3-6")


def test_a_groups_own_peak_is_dragged_on_its_bar_and_undone(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
    peak = page.get_by_role("slider", name="stage4 peaks", exact=True)
    bar(page, "stage4").click()
    drag(page, peak, 0, -12)
    expect(field(page, "LR scale")).to_have_value("1")
    undo(page)
    expect(peak).to_have_attribute("aria-valuenow", "0.25")


@pytest.mark.thorough  # node tests the script alone, beside its other tests
def test_windows_are_added_split_ended_and_removed_by_keys(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
    gap(page, "stage4").focus()
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

    end = page.get_by_role("slider", name="stage3 freezes", exact=True)
    end.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(end).to_have_attribute("aria-valuetext", "stage3 freezes at epoch 4 of 6")
    bar(page, "stage3").press("Enter")
    expect(field(page, "Freezes at")).to_have_value("4")


@pytest.mark.thorough  # node tests the script alone, beside its other tests
def test_a_row_is_added_to_the_selection_by_keys_and_all_step_together(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page("/"))
    bar(page, "stage4").focus()
    page.keyboard.press("Shift+ArrowDown")
    expect(bar(page, "stage3")).to_have_attribute("aria-pressed", "true")
    expect(bar(page, "stage4")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    expect_thaws(page, "stage4", 3)
    expect_thaws(page, "stage3", 3)
    # Until it is sent, Escape takes the step back; then it lets go of what is selected besides.
    expect(driving.undo_button(page)).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page.locator('[aria-pressed="true"][aria-label*="trains in"]')).to_have_count(1)


@pytest.mark.thorough  # node tests the script alone, beside its other tests
def test_selected_bars_are_dragged_together(open_page: OpenPage) -> None:
    page = at_rest(open_page(long_run()))
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
    expect(field(page, "Thaws at")).to_have_value(str(starts[0]))
    undo(page)
    expect_thaws(page, "stage3", 60)


@pytest.mark.thorough  # node tests the script alone, beside its other tests
def test_an_edge_holds_on_to_another_unless_alt_is_down_and_escape_ends_the_drag(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page(long_run()))
    x, y, target = driving.place_of(page, "stage4", 58)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(target, y, steps=4)
    expect_thaws(page, "stage4", 60)
    expect(page.locator(".guide")).to_be_visible()
    page.keyboard.down("Alt")
    page.mouse.move(target - 1, y)
    expect(driving.thaw(page, "stage4")).not_to_have_attribute("aria-valuenow", "60")
    expect(page.locator(".guide")).to_be_hidden()
    page.keyboard.up("Alt")
    page.keyboard.press("Escape")
    page.mouse.up()
    for _ in range(2):
        expect_thaws(page, "stage4", 40)
        driving.settle(page)


def test_a_cascade_is_previewed_taken_back_and_applied_as_one_edit(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
    before = {"head": "0-6", "conv_head": "1-6", "stage4": "2-6", "stage3": "2-6"}
    tool(page, "Cascade").click()
    popover = page.get_by_role("dialog", name="Cascade")
    popover.get_by_label("First thaw").fill("1")
    popover.get_by_label("Epochs apart").fill("1")
    expect_windows(page, "stage4", "3-6")
    expect_windows(page, "head", "1-6")
    popover.get_by_label("First thaw").fill("99")
    expect(popover.get_by_role("status")).to_have_text(
        "First thaw is 99: use a whole number from 0 to 6."
    )
    expect(popover.get_by_role("button", name="Apply")).to_be_disabled()
    page.keyboard.press("Enter")
    expect_windows(page, "head", "1-6")
    page.keyboard.press("Escape")
    expect(popover).to_be_hidden()
    expect(tool(page, "Cascade")).to_be_focused()
    for group, span in before.items():
        expect_windows(page, group, span)
    expect(driving.undo_button(page)).to_be_disabled()

    page.keyboard.press("Enter")
    popover.get_by_label("Epochs apart").fill("2")
    popover.get_by_label("Each trains").select_option("until the next thaws")
    expect_windows(page, "conv_head", "2-4")
    popover.get_by_label("Each trains").press("Control+z")
    expect(popover).to_be_hidden()
    expect_windows(page, "head", before["head"])

    tool(page, "Cascade").click()
    popover.get_by_label("Epochs apart").fill("2")
    popover.get_by_label("Each trains").select_option("until the next thaws")
    popover.get_by_role("button", name="Apply").click()
    for group, span in (("head", "0-2"), ("conv_head", "2-4"), ("stage4", "4-6")):
        expect_windows(page, group, span)
    undo(page)
    for group, span in before.items():
        expect_windows(page, group, span)
    expect(driving.undo_button(page)).to_be_disabled()


@pytest.mark.thorough
def test_tools_wheel_and_keys_zoom_timeline_and_chart_alike(open_page: OpenPage) -> None:
    page = at_rest(open_page(long_run()))
    assert x_labels(page)[-1] == "300"
    for _ in range(3):
        tool(page, "Zoom in").click()
    scroll = scrollbar(page)
    expect(scroll).to_have_attribute("aria-valuetext", re.compile(r"epochs \d to \d\d of 300"))
    expect(time_axis(page)).not_to_contain_text("300")
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
    expect(time_axis(page)).to_contain_text("300")

    page.mouse.move(*driving.middle(bar(page, "head")))
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -240)
    page.keyboard.up("Control")
    expect(scroll).to_have_attribute("aria-valuetext", re.compile("epochs 1[45]"))
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 2000)
    page.keyboard.up("Shift")
    expect(scroll).not_to_have_attribute("aria-valuetext", re.compile("epochs 1[45]"))


@pytest.mark.parametrize(
    "shape",
    thorough("Warmup-stable-decay", "Linear", "Constant", "Polynomial", "Cosine"),
)
def test_the_handles_of_every_shape_edit_the_curve(open_page: OpenPage, shape: str) -> None:
    page = at_rest(open_page(long_run()))
    warmup = page.get_by_role("slider", name="Warmup ends")
    cooldown = page.get_by_role("slider", name="Cooldown begins")
    floor = page.get_by_role("slider", name="Floor")
    if shape != "Cosine":  # which it has
        driving.choose(page, "Shape", shape)
        expect(driving.undo_button(page)).to_be_enabled()
    expect(cooldown).to_have_count(1 if shape.startswith("Warmup") else 0)
    expect(floor).to_have_count(0 if shape == "Constant" else 1)
    drag(page, warmup, 24)
    expect(warmup).to_have_attribute("aria-valuenow", re.compile("2[0-9](.5)?"))
    typed = field(page, "Warmup epochs")
    expect(typed).to_have_value(warmup.get_attribute("aria-valuenow") or "")
    if shape.startswith("Warmup"):
        drag(page, cooldown, -100)
        cool = field(page, "Cooldown, last part")
        expect(cool).to_have_value(re.compile(r"0\.3\d+"))
        drag(page, floor, 0, -12)
        share = field(page, "Floor × peak")
        expect(share).to_have_value(re.compile(r"0\.[34]\d?"))


@pytest.mark.thorough
def test_an_absolute_floor_has_a_handle_that_edits_the_rate(open_page: OpenPage) -> None:
    page = at_rest(open_page(presets.load("exercise")))
    floor = page.get_by_role("slider", name="Floor")
    expect(floor).to_have_attribute("aria-valuetext", "a rate of 1.0e-6")
    floor.focus()
    page.keyboard.press("ArrowUp")
    expect(floor).to_have_attribute("aria-valuetext", "a rate of 2.0e-6")
    expect(field(page, "Floor, LR")).to_have_value(re.compile("^2e-0?6$|0.000002"))
    restart = page.get_by_role("button", name="Restart the curve at thaw")
    restart.click()
    expect(restart).to_have_attribute("aria-pressed", "true")
    undo(page)
    expect(restart).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize(("viewport", "scheme"), thorough((WIDE, "dark"), (PHONE, "light")))
def test_no_serious_fault_with_the_popover_open_and_zoomed(
    open_page: OpenPage, viewport: ViewportSize, scheme: str
) -> None:
    page = at_rest(open_page(long_run(), viewport, scheme))
    tool(page, "Zoom in").click()
    tool(page, "Zoom in").click()
    expect(scrollbar(page)).to_be_visible()
    tool(page, "Cascade").click()
    expect(page.get_by_role("dialog", name="Cascade")).to_be_visible()
    driving.settle(page)
    assert serious_faults(page) == []
