"""The crosshair of a chart, by mouse, finger and keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser import driving
from tests.browser.driving import PHONE, OpenPage
from tests.browser.fingers import Fingers
from tests.browser.timeline import at_rest
from tests.sample import stairs


@pytest.mark.thorough
def test_a_chart_is_read_by_mouse_and_by_keyboard(open_page: OpenPage) -> None:
    page = at_rest(open_page(stairs()))
    cross = driving.crosshair(page, "rates")
    tooltip = cross.locator(".box")
    expect(tooltip).to_be_hidden()
    cross.hover()
    expect(tooltip).to_contain_text(re.compile(r"^Epoch 2\.\d+ · step \d+ · phase 3 of 5"))
    page.locator("h1, h2").first.hover(force=True)
    expect(tooltip).to_be_hidden()

    cross.focus()
    cross.press("End")
    expect(cross).to_have_attribute("aria-valuetext", re.compile("^Epoch 5.97 · step 191 "))
    cross.press("Home")
    cross.press("ArrowRight")
    cross.press("PageUp")
    expect(cross).to_have_attribute("aria-valuenow", "11")
    expect(tooltip).to_contain_text("phase 1 of 5")
    expect(cross).to_have_attribute("aria-valuetext", re.compile("stage4 .* frozen"))
    cross.press("Escape")
    expect(tooltip).to_be_hidden()


@pytest.mark.thorough
def test_a_finger_reads_a_chart_and_the_tooltip_stays_on_the_screen(open_page: OpenPage) -> None:
    page = at_rest(open_page("/", PHONE))
    cross = driving.crosshair(page, "rates")
    cross.scroll_into_view_if_needed()
    Fingers(page).tap(cross)
    tooltip = cross.locator(".box")
    expect(tooltip).to_be_visible()
    box = tooltip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    names = page.locator(".thaw-names span")
    expect(names).to_have_count(7)
    Fingers(page).tap(page.locator(".st-key-rates-head h2"))
    expect(tooltip).to_be_hidden()
