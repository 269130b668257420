"""The Design page in a browser: drags, keys, undo, files, and what the chart draws."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import ViewportSize, expect

from core import presets
from core.models import catalogue
from core.schedule import edits, link
from pages.components.shared.cost_words import size
from tests.browser import driving
from tests.browser.driving import PHONE, OpenPage
from tests.browser.timeline import (
    at_rest,
    expect_thaws,
    long_run,
    scrollbar,
    time_axis,
    tool,
    x_labels,
)
from tests.sample import thorough


def test_undo_and_redo_work_by_key_and_by_button(open_page: OpenPage) -> None:
    page = open_page("/")
    driving.drag_with_mouse(page, "stage4", 4)
    expect_thaws(page, "stage4", 4)
    expect(driving.undo_button(page)).to_be_enabled()
    page.keyboard.press("Control+z")
    expect_thaws(page, "stage4", 2)
    page.locator(".st-key-redo button").first.click()
    expect_thaws(page, "stage4", 4)


@pytest.mark.parametrize("pause", [300, *thorough(450, 900)])
def test_two_key_presses_both_count_however_soon_they_follow(
    open_page: OpenPage, pause: int
) -> None:
    page = open_page("/")
    handle = driving.thaw(page, "stage4")
    for key, at in (("Right", 4), ("Left", 2)):
        handle.focus()
        page.keyboard.press(f"Arrow{key}")
        page.wait_for_timeout(pause)
        page.keyboard.press(f"Arrow{key}")
        expect_thaws(page, "stage4", at)
        expect(page.locator("[class*=st-key-thaws-at] input").last).to_have_value(str(at))
        driving.settle(page)
        expect_thaws(page, "stage4", at)


def test_what_stands_beside_the_timeline_follows_a_drag_and_an_undo_by_key(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    preset = page.locator(".st-key-presets")
    expect(preset).not_to_contain_text("edited")
    for epoch in (4, 5):
        driving.drag_with_mouse(page, "stage4", epoch)
        expect_thaws(page, "stage4", epoch)
        expect(preset).to_contain_text("edited")
    page.get_by_role("button", name="Share", exact=True).click()
    shown = page.get_by_test_id("stPopoverBody").locator(".stCode code")
    for epoch in (5, 4):
        made = edits.set_windows(presets.load(presets.DEFAULT), {"stage4": [[epoch, None]]})
        expect(shown).to_contain_text(f"{link.PARAMETER}={link.encode(made)}")
        page.keyboard.press("Control+z")
    page.keyboard.press("Escape")
    expect(shown).to_have_count(0)
    expect(driving.undo_button(page)).to_be_disabled()
    expect(preset).not_to_contain_text("edited")


@pytest.mark.thorough
def test_a_notice_moves_nothing(open_page: OpenPage) -> None:
    place = at_rest(open_page("/")).locator(".st-key-card-timeline").bounding_box()
    page = open_page("/?s=%00")
    expect(page.get_by_test_id("stToast")).to_contain_text("the link")
    assert at_rest(page).locator(".st-key-card-timeline").bounding_box() == place


@pytest.mark.thorough
def test_a_downloaded_file_opens_again_elsewhere(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(edits.set_length(presets.load(presets.DEFAULT), 11))
    driving.file_menu(page)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(driving.download_schedule(page)), encoding="utf-8")

    other = open_page("/")
    driving.file_menu(other)
    other.locator("input[type=file]").set_input_files(file)
    expect(driving.thaw(other, "stem")).to_have_attribute("aria-valuemax", "11")


@pytest.mark.thorough  # four pages are drawn
def test_zoom_and_the_charts_switches_stay_as_they_are_over_another_page(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page(long_run()))
    head = page.locator(".st-key-rates-head")
    choices = ("linear", "of peak", "step")
    for choice in choices:
        before = driving.rates(page).inner_html()
        head.get_by_text(choice, exact=True).last.click()
        expect(head.get_by_role("radio", name=choice, exact=True)).to_be_checked()
        driving.expect_redrawn(page, before)
    for _ in range(3):
        tool(page, "Zoom in").click()
    driving.settle(page)
    shown, labels = scrollbar(page).get_attribute("aria-valuetext"), x_labels(page)
    driving.go_to(page, "Run")
    driving.go_to(page, "Design")
    at_rest(page)
    for choice in choices:
        expect(head.get_by_role("radio", name=choice, exact=True)).to_be_checked()
    expect(scrollbar(page)).to_have_attribute("aria-valuetext", shown or "")
    assert x_labels(page) == labels
    driving.thaw(page, "stage4").focus()
    page.keyboard.press("0")
    expect(scrollbar(page)).to_be_hidden()
    expect(time_axis(page)).to_contain_text("9600")


@pytest.mark.thorough
@pytest.mark.parametrize(("viewport", "tells"), [({**PHONE}, True), (PHONE, False)])
def test_a_phone_is_known_and_a_narrow_window_tells_of_itself(
    open_page: OpenPage, viewport: ViewportSize, tells: bool
) -> None:
    page = open_page("/run", viewport)  # the copy is no phone's
    sent: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.goto(page.url.replace("/run", "/"))
    page.wait_for_selector(".thaw-names")  # which a narrow chart has
    driving.settle(page)
    assert any(b'"narrow":true' in frame for frame in sent) == tells
    for name in ("window", "problems", "curve", "cost"):
        expect(page.locator(f".st-key-card-{name}")).to_have_count(1)


@pytest.mark.thorough
def test_at_sunset_the_chart_takes_the_colors_of_the_dark(open_page: OpenPage) -> None:
    colors = """() => [...document.querySelectorAll(".stVegaLiteChart svg.marks [stroke]")]
        .map((mark) => mark.getAttribute("stroke")).join()"""
    page = at_rest(open_page("/"))
    light = page.evaluate(colors)
    driving.switch_scheme(page, "dark")
    page.wait_for_function(f"light => ({colors})() !== light", arg=light)
    driving.switch_scheme(page, "light")
    page.wait_for_function(f"light => ({colors})() === light", arg=light)


@pytest.mark.thorough  # the model is read twice
def test_a_model_that_could_not_be_read_is_told_and_read_when_tried_again(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    label = f"timm/resnet10t · {size(catalogue.entries()['timm/resnet10t'].bytes)}"
    driving.choose(page, "Model", label, search="resnet10t")
    said = page.locator(".thaw-reading")
    expect(said).to_contain_text("Reading timm/resnet10t")
    (reader,) = (
        process
        for process in psutil.Process().children(recursive=True)
        if process.cmdline()[-2:] == ["timm/resnet10t", "--json"]
    )
    reader.kill()
    expect(said).to_contain_text("SIGKILL")
    expect(page.get_by_role("combobox", name="Model")).to_have_value(label)
    page.get_by_role("button", name="Try again").click()
    expect(driving.thaw(page, "layer4")).to_be_visible(timeout=180_000)
    expect(said).to_have_count(0)
