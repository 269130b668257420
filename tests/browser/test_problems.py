"""The list of problems in a browser: hover, fixes by mouse, keys and touch, undo, and reasons."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from core import presets
from core.schedule import edits, parse
from core.schedule.spec import Schedule
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE, OpenPage
from tests.browser.timeline import expect_thaws
from tests.components.design.timeline.bench import schedule
from tests.sample import thorough

FOCUSED = """() => {
    let e = document.activeElement;
    while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
    return e.getAttribute('aria-label') || e.textContent;
}"""


def opened(open_page: OpenPage, shown: Schedule, *args: object) -> tuple[Page, Locator]:
    page = open_page(shown, *args)
    card = page.locator(".st-key-card-problems")
    expect(card.locator(".item").first).to_be_visible()
    driving.settle(page)
    return page, card


def renamed(*names: str) -> Schedule:
    """The schedule with other names for its first groups."""
    raw = parse.to_raw(schedule())
    for group, name in zip(raw["groups"], names, strict=False):
        group["name"] = name
    return parse.from_raw(raw)


def row(page: Page, group: str) -> Locator:
    """A group's row on the timeline."""
    name = page.locator(".name").get_by_text(group, exact=True)
    return page.locator(".st-key-card-timeline .row.group").filter(has=name)


def code_of(item: Locator) -> Locator:
    """The problem's code in an item of the list."""
    return item.locator("code")


@pytest.mark.thorough
def test_a_click_on_a_number_brings_the_problem_into_view(open_page: OpenPage) -> None:
    page, card = opened(open_page, schedule(), driving.LAPTOP)
    last = card.locator(".item").last
    expect(last).not_to_be_in_viewport()
    number = last.locator(".disc").inner_text()
    sign = page.locator(".st-key-card-timeline").get_by_role("img", name=f"Problem {number},")
    sign.first.click()
    expect(last).to_be_in_viewport(ratio=1)


@pytest.mark.thorough
def test_what_is_under_the_pointer_is_marked_on_the_timeline_and_in_the_list(
    open_page: OpenPage,
) -> None:
    flat = edits.set_field(schedule(), "lr.decay.floor", {"factor": 1.0})
    page, card = opened(open_page, flat)
    ring = row(page, "layer4").locator(".dashes")
    expect(ring).to_be_hidden()
    card.locator(".item", has_text="cold-thaw").hover()
    expect(ring).to_be_visible()
    expect(row(page, "stem").locator(".dashes")).to_be_hidden()
    card.locator(".item", has_text="never-trains").hover()
    expect(ring).to_be_hidden()
    for group in ("layer1", "stem"):
        expect(row(page, group).locator(".dashes")).to_be_visible()
    # a problem of the whole curve is marked at the shared curve
    curve = page.locator(".st-key-card-timeline .row.shared")
    card.locator(".item", has_text="floor-above-peak").hover()
    expect(curve).to_contain_class("pointed")
    page.mouse.move(5, 5)
    expect(curve).not_to_contain_class("pointed")
    # and the sign of a problem under the pointer lights it up in the list, and is no edit
    sign = curve.get_by_role("img", name="Problem ").first
    sign.hover()
    expect(code_of(card.locator(".item.pointed"))).to_have_text("floor-above-peak")
    sign.click()
    expect_thaws(page, "layer2", 6)
    row(page, "layer4").get_by_role("img", name="Problem ").first.hover()
    expect(code_of(card.locator(".item.pointed"))).to_have_text("cold-thaw")
    page.mouse.move(5, 5)
    expect(card.locator(".item.pointed")).to_have_count(0)


def test_a_fix_is_one_click_and_so_is_its_undo_in_the_list_and_on_the_page(
    open_page: OpenPage,
) -> None:
    page, card = opened(open_page, edits.set_windows(schedule(), {"head": [[1, None]]}))
    run = page.locator(".st-key-to-run button").first
    expect(code_of(card.locator(".item").first)).to_have_text("idle-epochs")  # errors come first
    expect(run).to_be_disabled()
    card.get_by_role("button", name="Fix: train head in every epoch").click()
    expect(run).to_be_enabled()
    card.get_by_role("button", name="Fix: thaw at 4").click()
    expect_thaws(page, "layer2", 4)
    expect(card).not_to_contain_text("late-thaw")
    card.get_by_role("button", name="Undo").click()
    expect_thaws(page, "layer2", 6)
    expect(code_of(card.locator(".item").first)).to_have_text("late-thaw")
    expect(card.get_by_role("button", name="Undo")).to_have_count(0)
    # the page's own undo takes a fix back too
    card.get_by_role("button", name="Fix: restart the curve").click()
    expect(card).not_to_contain_text("cold-thaw")
    driving.undo_button(page).click()
    expect(card).to_contain_text("cold-thaw")
    expect(card.get_by_role("button", name="Undo")).to_have_count(0)


@pytest.mark.thorough
def test_fixes_and_undo_by_keyboard_are_said_and_keep_the_focus_in_the_list(
    open_page: OpenPage,
) -> None:
    page, card = opened(open_page, schedule())
    driving.tab_to(page, "e.textContent === 'Fix: thaw at 4'")
    expect(row(page, "layer2").locator(".dashes")).to_be_visible()
    page.keyboard.press("Enter")
    expect_thaws(page, "layer2", 4)
    expect(card.get_by_role("status")).to_contain_text("2 problems left")
    assert page.evaluate(FOCUSED) == "Fix: restart the curve"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED) == "Undo"
    page.keyboard.press("Space")
    expect_thaws(page, "layer2", 6)
    expect(card.get_by_role("status")).to_contain_text("3 problems left")
    assert page.evaluate(FOCUSED) == "Fix: thaw at 4"


@pytest.mark.thorough
def test_all_fixes_one_after_the_other_leave_what_has_none(open_page: OpenPage) -> None:
    page, card = opened(open_page, presets.load("exercise"))
    for left in (3, 2, 1):
        card.locator(".fix:visible").first.click()
        expect(card.locator(".item")).to_have_count(left)
    expect(code_of(card.locator(".item"))).to_have_text(["never-trains"])
    page.keyboard.press("Control+z")
    expect(card.locator(".item")).to_have_count(2)


@pytest.mark.thorough
def test_why_opens_the_entry_with_its_sources_and_gives_the_focus_back(
    open_page: OpenPage,
) -> None:
    name = "<img src=x onerror=alert(1)>**b**"
    page, card = opened(open_page, renamed("stem", "layer1", name))
    raised: list[str] = []
    page.on("dialog", lambda dialog: (raised.append(dialog.message), dialog.dismiss()))
    expect(card.locator(".item b").first).to_have_text(name)
    why = card.get_by_role("button", name="Why late-thaw")
    why.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{name} thaws at epoch 6")
    expect(dialog.locator('a[href="https://arxiv.org/abs/1608.03983"]')).to_be_visible()
    driving.escape(page)
    expect(dialog).to_have_count(0)
    page.wait_for_function(f"({FOCUSED})() === 'Why late-thaw'")
    assert raised == []


@pytest.mark.thorough
@pytest.mark.parametrize("viewport", [PHONE, *thorough(WIDE)])
def test_long_names_stay_in_the_card_of_which_a_phone_opens_one_item_at_a_time(
    open_page: OpenPage, viewport: ViewportSize
) -> None:
    long = renamed(*(f"{at}{'x' * 79}" for at in range(6)))
    _, card = opened(open_page, long, viewport)
    box = card.bounding_box()
    assert box is not None
    items = card.locator(".item")
    for item in items.all():
        inner = item.evaluate("node => [node.scrollWidth, node.clientWidth]")
        assert inner[0] <= inner[1] <= box["width"]
    if viewport is WIDE:
        return
    expect(card.locator(".sentence:visible")).to_have_count(1)
    closed, second = items.nth(0).bounding_box(), items.nth(1).bounding_box()
    assert closed is not None
    assert second is not None
    assert second["height"] < closed["height"] / 2
    card.get_by_role("button", name="Problem 2, cold-thaw").tap()
    expect(items.nth(1).locator(".sentence")).to_be_visible()
    card.get_by_role("button", name="Fix: restart the curve").tap()
    expect(card).not_to_contain_text("cold-thaw")
    card.get_by_role("button", name="Undo").tap()
    expect(card).to_contain_text("cold-thaw")
