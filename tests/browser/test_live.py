"""Rates and costs follow a hand that drags, and stay where it lets go."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.driving import OpenPage
from tests.browser.timeline import at_rest

RECORD = """() => {
  window.shown = [];
  const box = (path) => {
    const { x, y, width, height } = path.getBBox();
    return [x, y, x + width, y + height].map(Math.round).join(" ");
  };
  const frame = () => {
    const lines = [...document.querySelectorAll(".st-key-rates-chart .mark-line path")];
    const rows = [...document.querySelectorAll('[data-name="trainable"]')];
    const text = rows.find((row) => row.checkVisibility())?.innerText;
    window.shown.push(`${lines.map(box).sort().join(", ")} ${text}`);
    requestAnimationFrame(frame);
  };
  frame();
}"""
"""Notes in every frame which boxes the chart's lines fill, and what the first costs are."""

SOON = """() => new Promise((done) => {
  const frames = (left) => (left > 0 ? requestAnimationFrame(() => frames(left - 1)) : done());
  frames(4);
})"""
"""Until the chart has followed the hand, which it may do a frame after the timeline."""


@pytest.mark.thorough
def test_rates_and_costs_follow_the_hand_and_nothing_jumps_as_it_lets_go(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page("/"))
    x, y, target = driving.place_of(page, "stage3", 4)
    row = page.get_by_role("table", name="Cost per phase").get_by_role("row", name="Trainable")
    before = row.text_content()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(target, y, steps=8)
    expect(row).not_to_have_text(before or "")
    let_go(page)
    expect(page.locator(".thaw-cost.in-hand")).to_have_count(0)


@pytest.mark.thorough
def test_the_axis_follows_the_highest_rate_and_nothing_jumps_as_the_hand_lets_go(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page("/"))
    x, y = driving.middle(page.get_by_role("slider", name="head peaks", exact=True))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 24, steps=8)
    let_go(page)


def let_go(page: Page) -> None:
    """Let go of what the hand drags; what is drawn stays as it is."""
    page.evaluate(SOON)
    page.evaluate(RECORD)
    page.mouse.up()
    expect(driving.undo_button(page)).to_be_enabled()
    driving.settle(page)
    shown = page.evaluate("[...new Set(window.shown)]")
    assert len(shown) == 1, shown
