"""Many groups: rows get low, the rate chart stays in sight, and what is too much scrolls."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import FloatRect, Locator, Page, ViewportSize, expect

from core import presets
from core.schedule import parse
from core.schedule.parse import to_raw
from core.schedule.spec import Schedule
from tests.browser import driving, layout
from tests.browser.driving import LAPTOP, PHONE, OpenPage
from tests.browser.faults import serious_faults
from tests.browser.timeline import at_rest
from tests.sample import thorough

LARGE: ViewportSize = {"width": 1440, "height": 900}


def with_groups(count: int) -> Schedule:
    """Gradual unfreezing of so many blocks, four of them a stage."""
    raw = to_raw(presets.load("gradual"))
    names = [f"layer{at // 4}.{at % 4}" for at in range(count - 1)]
    raw["groups"] = [
        {"name": name, "modules": [name], "trainable": [[min(1 + at // 8, 5), None]]}
        for at, name in enumerate([*names, "head"])
    ]
    raw["groups"][-1]["trainable"] = [[0, None]]
    raw["model"] = {"name": "mine/net"}
    return parse.parse(json.dumps(raw))


def box(of: Locator) -> FloatRect:
    found = of.bounding_box()
    assert found is not None
    return found


def rows(page: Page) -> Locator:
    return page.locator(".thaw .row.group:visible")


@pytest.mark.parametrize(
    ("count", "viewport"), [(14, LARGE), *thorough((8, LAPTOP), (12, LARGE), (7, LAPTOP))]
)
def test_the_rate_chart_is_in_sight_below_all_rows(
    open_page: OpenPage, count: int, viewport: ViewportSize
) -> None:
    page = at_rest(open_page(with_groups(count), viewport))
    heights = {box(row)["height"] for row in rows(page).all()}
    assert len(heights) == 1
    assert 20 <= heights.pop() < 44
    chart = box(page.locator(".st-key-rates-chart .stVegaLiteChart"))
    assert box(rows(page).last)["y"] < chart["y"]
    assert chart["y"] + chart["height"] <= viewport["height"]


@pytest.mark.thorough
def test_35_groups_scroll_below_the_time_axis_and_the_keyboard_reaches_the_last(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page(with_groups(35), LARGE))
    axis, place = page.locator(".thaw .axis"), page.locator("#thaw-rows")
    before, shown = box(axis), box(place)
    last = driving.thaw(page, "layer0.0")
    assert box(last)["y"] > shown["y"] + shown["height"]
    last.focus()
    at = box(last)["y"]
    assert shown["y"] <= at < shown["y"] + shown["height"]
    assert box(axis) == before
    chart = box(page.locator(".st-key-rates-chart .stVegaLiteChart"))
    assert chart["y"] + chart["height"] <= LARGE["height"]
    assert layout.faults(page) == []


@pytest.mark.thorough
def test_a_finger_has_rows_of_40_pixels_however_many_there_are(open_page: OpenPage) -> None:
    page = at_rest(open_page(with_groups(35), PHONE))
    assert all(box(row)["height"] >= 40 for row in rows(page).all())
    driving.assert_fits(page)


@pytest.mark.thorough
def test_a_stage_is_folded_by_keys_and_stays_so_over_another_page(open_page: OpenPage) -> None:
    page = at_rest(open_page(with_groups(14), LARGE))
    low, chart = box(rows(page).first)["height"], driving.rates(page).inner_html()
    triangle = page.get_by_role("button", name="layer2, 4 groups", exact=True)
    expect(triangle).to_have_attribute("aria-expanded", "true")
    triangle.focus()
    page.keyboard.press("Enter")
    expect(triangle).to_have_attribute("aria-expanded", "false")
    expect(triangle).to_be_focused()
    expect(rows(page)).to_have_count(11)
    assert box(rows(page).first)["height"] > low
    assert layout.faults(page) == []
    assert serious_faults(page) == []
    assert driving.rates(page).inner_html() == chart
    driving.go_to(page, "Run")
    driving.go_to(page, "Design")
    expect(rows(at_rest(page))).to_have_count(11)
    triangle.click()
    expect(rows(page)).to_have_count(14)
