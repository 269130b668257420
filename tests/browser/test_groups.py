"""The group editor in a real browser: cut finer, split, rename, move a part, merge, undo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from core import presets
from core.models import layer_table
from core.schedule import edits
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE, OpenPage
from tests.browser.faults import serious_faults
from tests.browser.timeline import expect_thaws
from tests.sample import thorough

RESNET = edits.use_model(presets.load("gradual"), layer_table.load("torchvision/resnet18"))


def _opened(open_page: OpenPage, viewport: ViewportSize, scheme: str = "light") -> Page:
    page = open_page(RESNET, viewport, scheme)
    driving.settle(page)
    driving.open_recipe(page)
    page.locator(".st-key-groups button").click()
    expect(_rows(page)).to_have_count(6)
    return page


def _card(page: Page) -> Locator:
    return page.locator(".st-key-card-groups")


def _rows(page: Page) -> Locator:
    """A button per group, head first."""
    return _card(page).get_by_role("button", name=re.compile(r"[\d,]+ <?[\d.]+%"))


def _press(page: Page, name: str, viewport: ViewportSize) -> None:
    button = _card(page).get_by_role("button", name=name, exact=True)
    button.scroll_into_view_if_needed()
    if viewport is PHONE:
        button.tap()
    else:
        button.click()


def _open_group(page: Page, name: str, viewport: ViewportSize) -> None:
    row = _rows(page).filter(has_text=re.compile(rf"^\s*{re.escape(name)} "))
    if viewport is PHONE:
        row.tap()
    else:
        row.click()
    driving.settle(page)
    expect(_card(page).get_by_label("Name", exact=True)).to_have_value(name)


@pytest.mark.thorough
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_model_is_cut_anew_by_hand_and_every_step_is_undone(
    open_page: OpenPage, viewport: ViewportSize
) -> None:
    page = _opened(open_page, viewport)
    card = _card(page)
    undo = driving.undo_button(page)

    card.get_by_role("radio", name="Blocks 10").click()
    expect(_rows(page)).to_have_count(10)
    expect_thaws(page, "layer4.0", 1)
    undo.click()
    expect(_rows(page)).to_have_count(6)

    _open_group(page, "layer4", viewport)
    _press(page, "Split below", viewport)
    expect(_rows(page)).to_have_text(
        [re.compile(rf"^\s*{name} ") for name in ("head", "layer4.1", "layer4.0", "layer3")]
        + [re.compile(r"^\s*layer")] * 2
        + [re.compile(r"^\s*stem")]
    )
    expect(_rows(page).nth(1)).to_have_text(re.compile("4,720,640 42.2%"))

    driving.settle(page)
    name = card.get_by_label("Name", exact=True)
    name.fill("top")
    name.press("Enter")
    expect(_rows(page).nth(1)).to_have_text(re.compile(r"^\s*top "))
    expect_thaws(page, "top", 1)
    driving.settle(page)

    _press(page, "Move layer4.1.bn2 up", viewport)
    expect(_rows(page).nth(0)).to_have_text(re.compile("6,154"))
    expect(_rows(page).nth(1)).to_have_text(re.compile("4,719,616"))

    _press(page, "Merge with layer4.0", viewport)
    expect(_rows(page)).to_have_count(6)
    expect(_rows(page).nth(1)).to_have_text(re.compile(r"^\s*layer4.0–top 8,392,704"))

    for second in ("top 4,719,616", "top 4,720,640", "layer4.1 4,720,640", "layer4 8,393,728"):
        undo.click()
        expect(_rows(page).nth(1)).to_have_text(re.compile(rf"^\s*{second}"))
    expect(_rows(page)).to_have_count(6)


@pytest.mark.thorough  # by keys what is done by mouse above
def test_a_group_is_split_by_keys_alone(open_page: OpenPage) -> None:
    page = open_page(RESNET)
    driving.settle(page)
    driving.tab_to(page, "e.matches('.st-key-groups button')")
    page.keyboard.press("Enter")
    expect(_rows(page)).to_have_count(6)
    driving.tab_to(page, "e.matches('.st-key-group-4 button')")
    page.keyboard.press("Enter")
    parts = _card(page).get_by_role("radiogroup", name="Parts")
    expect(parts.get_by_role("radio")).to_have_count(2)
    driving.tab_to(page, "e.matches('.st-key-group-open button')")
    page.keyboard.press("Enter")
    expect(parts.get_by_role("radio")).to_have_count(5)
    driving.tab_to(page, "e.type === 'radio' && e.closest('[aria-label=Parts]')")
    page.keyboard.press("ArrowDown")
    expect(parts.get_by_role("radio").nth(1)).to_be_checked()
    driving.settle(page)
    driving.tab_to(page, "e.matches('.st-key-group-split button')")
    page.keyboard.press("Enter")
    expect(_rows(page).nth(1)).to_have_text(re.compile(r"^\s*layer4.1.conv2–bn2 "))


@pytest.mark.parametrize(
    ("viewport", "scheme"), thorough((PHONE, "light"), (WIDE, "light"), (WIDE, "dark"))
)
def test_the_open_card_has_no_serious_fault_and_nothing_scrolls_sideways(
    open_page: OpenPage, viewport: ViewportSize, scheme: str
) -> None:
    page = _opened(open_page, viewport, scheme)
    _open_group(page, "layer4", viewport)
    driving.assert_fits(page)
    assert serious_faults(page) == []
