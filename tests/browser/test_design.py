"""The Design page in a browser: every way to edit, undo, files, links, and what the chart reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from core.design import edits, link, parse, presets
from tests.browser import driving
from tests.browser.driving import PHONE

OpenPage = Callable[..., Page]


def test_undo_and_redo_work_by_key_and_by_button(open_page: OpenPage) -> None:
    page = open_page("/")
    handle = driving.thaw(page, "stage4")
    driving.drag_with_mouse(page, "stage4", 4)
    expect(handle).to_have_attribute("aria-valuenow", "4")
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    page.keyboard.press("Control+z")
    expect(handle).to_have_attribute("aria-valuenow", "2")
    page.locator(".st-key-redo button").first.click()
    expect(handle).to_have_attribute("aria-valuenow", "4")


def test_two_key_presses_both_count_however_soon_they_follow(open_page: OpenPage) -> None:
    page = open_page("/")
    handle = driving.thaw(page, "stage4")
    for pause, key, at in ((300, "Right", "4"), (450, "Left", "2"), (900, "Right", "4")):
        handle.focus()
        page.keyboard.press(f"Arrow{key}")
        page.wait_for_timeout(pause)
        page.keyboard.press(f"Arrow{key}")
        expect(handle).to_have_attribute("aria-valuenow", at)
        expect(page.locator("[class*=st-key-thaws-at] input").last).to_have_value(at)
        driving.settle(page)
        expect(handle).to_have_attribute("aria-valuenow", at)


def test_what_stands_beside_the_timeline_follows_a_drag(open_page: OpenPage) -> None:
    page = open_page("/")
    preset = page.locator(".st-key-presets")
    expect(preset).not_to_contain_text("edited")
    made = presets.load(presets.DEFAULT)
    for epoch in (4, 5):
        driving.drag_with_mouse(page, "stage4", epoch)
        expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", str(epoch))
        expect(preset).to_contain_text("edited")
        page.get_by_role("button", name="Share").click()
        shown = page.get_by_test_id("stPopoverBody").locator(".stCode code")
        made = edits.set_windows(made, {"stage4": [[epoch, None]]})
        expect(shown).to_contain_text(f"{link.PARAMETER}={link.encode(made)}")
        page.keyboard.press("Escape")
        expect(shown).to_have_count(0)
    for _ in range(2):
        expect(page.locator(".st-key-undo button").first).to_be_enabled()
        page.locator(".st-key-undo button").first.click()
    expect(preset).not_to_contain_text("edited")


def test_an_open_link_follows_what_a_key_undoes(open_page: OpenPage) -> None:
    page = open_page("/")
    for epoch in (4, 5, 3):
        driving.drag_with_mouse(page, "stage4", epoch)
        expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", str(epoch))
    page.keyboard.press("Control+z")
    page.get_by_role("button", name="Share").click()
    shown = page.get_by_test_id("stPopoverBody").locator(".stCode code")
    for epoch in (5, 4):
        made = edits.set_windows(presets.load(presets.DEFAULT), {"stage4": [[epoch, None]]})
        expect(shown).to_contain_text(f"{link.PARAMETER}={link.encode(made)}")
        page.keyboard.press("Control+z")


def test_the_file_menu_tells_that_the_library_has_another_version(open_page: OpenPage) -> None:
    page = open_page("/")
    driving.fill(page, "Name", "One that is kept")
    save = page.get_by_role("button", name="Save to library")
    driving.file_menu(page)
    save.click()
    expect(page.get_by_role("button", name="Saved in the library")).to_be_disabled()
    page.keyboard.press("Escape")
    driving.drag_with_mouse(page, "stage4", 4)
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "4")
    driving.file_menu(page)
    expect(page.get_by_role("button", name="Replace the one in the library")).to_be_enabled()


def test_a_notice_goes_with_the_next_drag(open_page: OpenPage) -> None:
    page = open_page("/")
    driving.drag_with_mouse(page, "stage4", 4)
    expect(page.locator(".st-key-undo button").first).to_be_enabled()
    driving.fill(page, "Name", "")
    notice = page.get_by_test_id("stAlert")
    expect(notice).to_contain_text("Nothing was changed")
    driving.drag_with_mouse(page, "stage4", 5)
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "5")
    expect(notice).to_have_count(0)


def test_the_end_of_a_bar_sets_when_a_group_freezes_again(open_page: OpenPage) -> None:
    page = open_page("/")
    end = page.get_by_role("slider", name="stage4 freezes", exact=True)
    end.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(end).to_have_attribute("aria-valuetext", "stage4 freezes at epoch 4 of 6")
    page.locator(".st-key-card-timeline").get_by_role(
        "button", name="stage4 trains in epochs 2 to 4", exact=True
    ).click()
    expect(page.get_by_label("Freezes at", exact=True)).to_have_value("4")


def test_escape_leaves_the_schedule_as_it_was(open_page: OpenPage) -> None:
    page = open_page("/")
    x, y, target = driving.place_of(page, "stage4", 5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(target, y, steps=5)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "2")
    expect(page.locator(".st-key-undo button").first).to_be_disabled()


def test_a_preset_and_a_model_are_chosen_by_hand(open_page: OpenPage) -> None:
    page = open_page("/")
    driving.use_preset(page, "The exercise")
    expect(driving.thaw(page, "conv_head")).to_have_attribute(
        "aria-valuetext", "conv_head thaws at epoch 2 of 20"
    )
    expect(page.locator(".st-key-card-problems")).to_contain_text("rising-lr")
    driving.choose(page, "Model", "torchvision/resnet50", search="resnet50")
    expect(page.locator(".st-key-card-timeline")).to_contain_text(
        "14,964,736"
    )  # layer4's parameters


def test_a_downloaded_file_opens_again_elsewhere(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("/")
    driving.fill(page, "Epochs", 11)
    expect(driving.thaw(page, "stem")).to_have_attribute("aria-valuemax", "11")
    driving.file_menu(page)
    document = driving.download_schedule(page)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    other = open_page("/")
    driving.file_menu(other)
    other.locator("input[type=file]").set_input_files(file)
    expect(driving.thaw(other, "stem")).to_have_attribute("aria-valuemax", "11")


def test_phases_of_finetuning_scheduler_are_read_onto_what_is_open(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/")
    file = tmp_path / "phases.yml"
    phases = "0: {params: [classifier.*], max_transition_epoch: 3}\n1: {params: ['conv_head.*']}"
    file.write_text(phases, encoding="utf-8")
    driving.file_menu(page)
    page.locator("input[type=file]").set_input_files(file)
    expect(driving.thaw(page, "conv_head")).to_have_attribute("aria-valuenow", "3")
    page.locator(".st-key-undo button").first.click()
    expect(driving.thaw(page, "conv_head")).to_have_attribute("aria-valuenow", "1")


def test_a_bad_file_is_refused_in_words_and_nothing_is_lost(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/")
    driving.fill(page, "Epochs", 11)
    expect(driving.thaw(page, "stem")).to_have_attribute("aria-valuemax", "11")
    driving.file_menu(page)
    adan = parse.dumps(presets.load("gradual")).replace("adam", "adan").encode()
    bad = ((b"\xff\xfe\x00", "not UTF-8"), (adan, "did you mean 'adam'?"))
    for number, (content, message) in enumerate(bad):
        file = tmp_path / f"bad{number}.json"
        file.write_bytes(content)
        page.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_test_id("stAlert")).to_contain_text(message)
        expect(driving.thaw(page, "stem")).to_have_attribute("aria-valuemax", "11")
        driving.settle(page)


def test_a_broken_link_says_what_is_wrong(open_page: OpenPage) -> None:
    page = open_page("/?s=%00")
    expect(page.get_by_test_id("stAlert")).to_contain_text("the link")
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "2")


def test_log_linear_unit_and_axis_each_redraw_the_chart(open_page: OpenPage) -> None:
    page = open_page("/")
    for choice in ("linear", "of peak", "step"):
        before = driving.rates_drawn(page)
        page.locator(".st-key-rates-head").get_by_text(choice, exact=True).last.click()
        expect(page.locator(".stVegaLiteChart svg.marks").first).not_to_have_js_property(
            "innerHTML", before
        )


def test_the_charts_switches_stay_as_they_are_over_another_page(open_page: OpenPage) -> None:
    page = open_page("/")
    head = page.locator(".st-key-rates-head")
    choices = ("linear", "of peak", "step")
    for choice in choices:
        head.get_by_text(choice, exact=True).last.click()
        expect(head.get_by_role("radio", name=choice, exact=True)).to_be_checked()
    driving.settle(page)
    labels = page.locator(".stVegaLiteChart .role-axis-label").first.text_content() or ""
    for _ in range(2):
        driving.go_to(page, "Run")
        driving.settle(page)
        page.get_by_role("link", name="Design", exact=True).first.click()
        page.wait_for_selector(".stVegaLiteChart svg.marks")
        driving.settle(page)
        for choice in choices:
            expect(head.get_by_role("radio", name=choice, exact=True)).to_be_checked()
        expect(page.locator(".stVegaLiteChart .role-axis-label").first).to_have_text(labels)


def test_the_rule_under_the_pointer_reads_every_group(open_page: OpenPage) -> None:
    page = open_page("/")
    box = page.locator(".stVegaLiteChart svg.marks").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 - 2, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    tooltip = page.locator("#vg-tooltip-element")
    expect(tooltip).to_be_visible()
    for group in presets.load("gradual").groups:
        expect(tooltip).to_contain_text(group.name)
    expect(tooltip).to_contain_text("frozen")


@pytest.mark.parametrize(("viewport", "tells"), [(PHONE, False), ({**PHONE}, True)])
def test_a_phone_is_known_and_a_narrow_window_tells_of_itself(
    open_page: OpenPage, viewport: ViewportSize, tells: bool
) -> None:
    page = open_page("/run", viewport)  # the copy is no phone's
    sent: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.goto(page.url.replace("/run", "/"))
    page.wait_for_selector(".stVegaLiteChart .role-legend")  # which a narrow chart has
    driving.settle(page)
    assert any(b'"narrow":true' in frame for frame in sent) == tells
    for name in ("window", "problems", "curve", "cost"):
        expect(page.locator(f".st-key-card-{name}")).to_have_count(1)


def test_nothing_scrolls_sideways_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("/", PHONE)
    for name in ("Design", "Run", "Compare", "Export"):
        if name == "Design":
            page.wait_for_selector(".stVegaLiteChart .role-legend")  # which a narrow chart has
        else:
            driving.go_to(page, name)
        driving.settle(page)
        wide = page.evaluate(
            "() => [document.documentElement.scrollWidth,"
            " document.querySelector('[data-testid=stMain]').scrollWidth]"
        )
        assert max(wide) <= PHONE["width"], name


def test_at_sunset_the_chart_takes_the_colors_of_the_dark(open_page: OpenPage) -> None:
    colors = """() => [...document.querySelectorAll(".stVegaLiteChart svg.marks [stroke]")]
        .map((mark) => mark.getAttribute("stroke")).join()"""
    opened_so = open_page("/", scheme="dark")
    driving.rates_drawn(opened_so)
    driving.settle(opened_so)
    dark = opened_so.evaluate(colors)

    page = open_page("/")
    driving.rates_drawn(page)
    assert page.evaluate(colors) != dark
    driving.switch_scheme(page, "dark")
    page.wait_for_function(f"dark => ({colors})() === dark", arg=dark)


def test_a_deep_link_shows_its_page_within_the_navigation(open_page: OpenPage) -> None:
    page = open_page("/compare")
    expect(page.get_by_test_id("stTopNavLink")).to_have_count(5)
