"""The list of problems in a browser: hover, fixes by mouse, keys and touch, undo, and reasons."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from core.design import edits, link, parse, presets
from core.design.spec import Schedule
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE
from tests.components.timeline.bench import schedule

OpenPage = Callable[..., Page]

FOCUSED = """() => {
    let e = document.activeElement;
    while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
    return e.getAttribute('aria-label') || e.textContent;
}"""


def opened(open_page: OpenPage, shown: Schedule, *args: object) -> tuple[Page, Locator]:
    page = open_page(f"/?s={link.encode(shown)}", *args)
    card = page.locator(".st-key-card-problems")
    expect(card.locator(".item").first).to_be_visible()
    driving.settle(page)
    return page, card


def row(page: Page, group: str) -> Locator:
    """A group's row on the timeline."""
    name = page.locator(".name").get_by_text(group, exact=True)
    return page.locator(".st-key-card-timeline .row.group").filter(has=name)


def thaws_at(page: Page, group: str, epoch: int) -> None:
    expect(driving.thaw(page, group)).to_have_attribute("aria-valuenow", str(epoch))


def test_what_is_under_the_pointer_is_marked_on_the_timeline_and_in_the_list(
    open_page: OpenPage,
) -> None:
    page, card = opened(open_page, schedule())
    ring = row(page, "layer2").locator(".dashes")
    expect(ring).to_be_hidden()
    card.locator(".item", has_text="late-thaw").hover()
    expect(ring).to_be_visible()
    expect(row(page, "layer4").locator(".dashes")).to_be_hidden()
    card.locator(".item", has_text="never-trains").hover()
    expect(ring).to_be_hidden()
    for group in ("layer1", "stem"):
        expect(row(page, group).locator(".dashes")).to_be_visible()
    page.mouse.move(5, 5)
    expect(row(page, "stem").locator(".dashes")).to_be_hidden()
    # and a disc under it lights up its problem in the list
    row(page, "layer4").get_by_role("img", name="Problem 2").hover()
    expect(card.locator(".item.pointed code")).to_have_text("cold-thaw")
    page.mouse.move(5, 5)
    expect(card.locator(".item.pointed")).to_have_count(0)


def test_a_problem_of_the_whole_curve_points_to_the_shared_curve(open_page: OpenPage) -> None:
    flat = edits.set_field(schedule(), "lr.decay.floor", {"factor": 1.0})
    page, card = opened(open_page, flat)
    curve = page.locator(".st-key-card-timeline .row.shared")
    card.locator(".item", has_text="floor-above-peak").hover()
    expect(curve).to_have_class("row shared pointed")
    page.mouse.move(5, 5)
    expect(curve).to_have_class("row shared")
    disc = curve.get_by_role("img", name="Problem 1, warning: lr.decay.floor.factor is 1")
    disc.hover()
    expect(card.locator(".item.pointed code")).to_have_text("floor-above-peak")
    disc.click()
    thaws_at(page, "layer2", 6)


def test_a_fix_is_one_click_and_so_is_its_undo_in_the_list_and_on_the_page(
    open_page: OpenPage,
) -> None:
    page, card = opened(open_page, schedule())
    card.get_by_role("button", name="Fix: thaw at 4").click()
    thaws_at(page, "layer2", 4)
    expect(card).not_to_contain_text("late-thaw")
    expect(card.locator(".thaw-aside")).to_have_text("2 hints")
    card.get_by_role("button", name="Undo").click()
    thaws_at(page, "layer2", 6)
    expect(card.locator(".item code").first).to_have_text("late-thaw")
    expect(card.get_by_role("button", name="Undo")).to_have_count(0)
    # the page's own undo takes a fix back too
    card.get_by_role("button", name="Fix: restart the curve").click()
    expect(card).not_to_contain_text("cold-thaw")
    page.locator(".st-key-undo button").first.click()
    expect(card).to_contain_text("cold-thaw")
    expect(card.get_by_role("button", name="Undo")).to_have_count(0)


def test_fixes_and_undo_by_keyboard_are_said_and_keep_the_focus_in_the_list(
    open_page: OpenPage,
) -> None:
    page, card = opened(open_page, schedule())
    driving.tab_to(page, "e.textContent === 'Fix: thaw at 4'")
    expect(row(page, "layer2").locator(".dashes")).to_be_visible()
    page.keyboard.press("Enter")
    thaws_at(page, "layer2", 4)
    expect(card.get_by_role("status")).to_have_text("Done: Thaw at 4. 2 problems left.")
    assert page.evaluate(FOCUSED) == "Fix: restart the curve"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED) == "Undo"
    page.keyboard.press("Space")
    thaws_at(page, "layer2", 6)
    expect(card.get_by_role("status")).to_have_text("Undone. 3 problems left.")
    assert page.evaluate(FOCUSED) == "Fix: thaw at 4"


def test_all_fixes_one_after_the_other_leave_what_has_none(open_page: OpenPage) -> None:
    page, card = opened(open_page, presets.load("exercise"))
    for left in (3, 2, 1):
        card.locator(".fix:visible").first.click()
        expect(card.locator(".item")).to_have_count(left)
    expect(card.locator(".item code")).to_have_text(["never-trains"])
    page.keyboard.press("Control+z")
    expect(card.locator(".item")).to_have_count(2)


def test_why_opens_the_entry_with_its_sources(open_page: OpenPage) -> None:
    page, card = opened(open_page, schedule())
    why = card.get_by_role("button", name="Why late-thaw")
    why.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("late-thaw")
    expect(dialog).to_contain_text("layer2 thaws at epoch 6: it trains in 25% of the epochs")
    source = dialog.get_by_role("link", name="SGDR, arXiv:1608.03983")
    expect(source).to_have_attribute("href", "https://arxiv.org/abs/1608.03983")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.wait_for_function(f"({FOCUSED})() === 'Why late-thaw'")
    card.get_by_role("button", name="Why never-trains").click()
    expect(page.get_by_role("dialog")).to_contain_text("1411.1792")


def test_an_error_comes_first_and_turns_run_off(open_page: OpenPage) -> None:
    late = edits.set_windows(schedule(), {"head": [[1, None]]})
    page, card = opened(open_page, late)
    expect(card.locator(".item code").first).to_have_text("idle-epochs")
    run = page.locator(".st-key-to-run button").first
    expect(run).to_be_disabled()
    card.get_by_role("button", name="Fix: train head in every epoch").click()
    expect(run).to_be_enabled()


def test_names_in_problems_are_text_and_never_markup(open_page: OpenPage) -> None:
    name = "<img src=x onerror=alert(1)>**b**"
    raw = parse.to_raw(schedule())
    raw["groups"][2]["name"] = name
    page, card = opened(open_page, parse.from_raw(raw))
    raised: list[str] = []
    page.on("dialog", lambda dialog: (raised.append(dialog.message), dialog.dismiss()))
    expect(card.locator(".item b").first).to_have_text(name)
    card.get_by_role("button", name="Why late-thaw").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"{name} thaws at epoch 6")
    assert raised == []


def test_on_a_phone_the_first_is_open_and_the_rest_one_line(open_page: OpenPage) -> None:
    _, card = opened(open_page, schedule(), PHONE)
    items = card.locator(".item")
    expect(card.locator(".sentence:visible")).to_have_count(1)
    closed = items.nth(1).bounding_box()
    assert closed is not None
    assert closed["height"] < 50
    expect(items.nth(1).locator(".brief")).to_have_text("layer4")
    card.get_by_role("button", name="Problem 2, cold-thaw").tap()
    expect(items.nth(1).locator(".sentence")).to_be_visible()
    card.get_by_role("button", name="Fix: restart the curve").tap()
    expect(card).not_to_contain_text("cold-thaw")
    card.get_by_role("button", name="Undo").tap()
    expect(card).to_contain_text("cold-thaw")


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_item_is_wider_than_its_card(open_page: OpenPage, viewport: dict[str, int]) -> None:
    raw = parse.to_raw(schedule())
    for at, group in enumerate(raw["groups"]):
        group["name"] = f"{at}" + "x" * 79
    _, card = opened(open_page, parse.from_raw(raw), viewport)
    box = card.bounding_box()
    assert box is not None
    for item in card.locator(".item").all():
        inner = item.evaluate("node => [node.scrollWidth, node.clientWidth]")
        assert inner[0] <= inner[1] <= box["width"]
