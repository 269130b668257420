"""The Compare page in a browser: charts side by side, files, runs, keys, and the phone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core import library, presets
from core.schedule import edits, parse
from tests.browser import driving
from tests.browser.driving import PHONE, OpenPage
from tests.browser.faults import serious_faults
from tests.browser.timeline import expect_thaws
from tests.runs.made import finished_run

RUNS = ("Slow thaw", "All at once")


def choose(page: Page, letter: str, name: str) -> None:
    starts = re.compile(f"^{re.escape(name)}")  # a list that has the other tests' runs too
    driving.choose(page, f"Schedule {letter}", starts, search=name)
    driving.settle(page)


def differences(page: Page, letter: str = "b") -> Locator:
    return page.locator(f".st-key-card-diff-{letter}")


def test_schedules_and_a_file_are_compared_and_one_is_used_in_design(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/compare")
    choose(page, "B", "Discriminative rates · preset")
    expect(differences(page)).to_contain_text("stage4 thaws 2 epochs earlier")
    expect(page.locator(".st-key-rate-panels svg.marks")).to_have_count(7)
    page.get_by_text("side by side", exact=True).last.click()
    expect(page.locator(".st-key-card-rate-compare svg.marks")).to_have_count(2)

    file = tmp_path / "mine.json"
    longer = edits.set_field(presets.load("gradual"), "epochs", 9)
    file.write_text(parse.dumps(longer), encoding="utf-8")
    driving.settle(page)
    page.get_by_role("button", name="File or link").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(differences(page, "c")).to_contain_text("6 → 9 epochs")
    driving.settle(page)
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Use B in Design").click()
    expect_thaws(page, "stage4", 0)
    driving.undo_button(page).click()
    expect_thaws(page, "stage4", 2)


@pytest.mark.thorough  # on a phone what is compared above
def test_two_runs_are_compared_on_a_phone(open_page: OpenPage, home: Path) -> None:
    for number, (name, last) in enumerate(zip(RUNS, (0.75, 0.7), strict=True)):
        schedule = edits.set_field(presets.load("gradual"), "name", name)
        finished_run(home, f"20250101-00000{number}-compared", schedule, [0.5, last])
    page = open_page("/run?run=20250101-000001-compared", PHONE, "dark")
    driving.settle(page)
    page.locator(".st-key-to-compare button").click()
    box = page.get_by_role("combobox", name="Schedule B")
    expect(box).to_have_value(re.compile(rf"^{RUNS[1]} · \d"))
    choose(page, "A", f"{RUNS[0]} · ")
    for by in ("epoch", "seconds"):
        chart = page.locator(f".st-key-card-metric-{by} svg.marks")
        expect(chart).to_contain_text("A 75.0%")
        expect(chart).to_contain_text("B 70.0%")
    page.locator(".st-key-metric-head").get_by_text("loss", exact=True).click()
    expect(page.locator(".st-key-card-metric-epoch")).to_contain_text("loss by epoch")
    driving.assert_fits(page)
    assert serious_faults(page) == []


@pytest.mark.thorough
def test_the_keyboard_alone_compares(open_page: OpenPage) -> None:
    page = open_page("/compare")
    driving.tab_to(page, "e.getAttribute('aria-label') === 'Schedule B'")
    page.keyboard.type("Head only")
    page.keyboard.press("Enter")
    expect(differences(page)).to_contain_text("stage4 no longer trains")
    box = page.get_by_role("combobox", name="Schedule B")
    box.press("ArrowDown")
    expect(page.get_by_role("listbox")).to_be_visible()
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    box.press("Escape")
    driving.settle(page)
    expect(box).to_have_value(re.compile("^Head only"))
    driving.tab_to(page, "e.closest('.st-key-swap')")
    page.keyboard.press("Enter")
    expect(differences(page)).to_contain_text("stage4 now trains")


@pytest.mark.thorough
def test_four_schedules_fit_a_phone_beside_a_library(open_page: OpenPage, home: Path) -> None:
    file, _ = library.save(home / "library", presets.load("ulmfit"))
    page = open_page("/compare", PHONE, "dark")
    rows = page.locator(".st-key-library-rows")
    rows.get_by_role("button", name="ULMFiT").click()
    expect(page.locator(".st-key-library-body")).to_be_visible()
    choose(page, "B", "Discriminative rates · preset")
    for letter, name in (("C", "Head only · preset"), ("D", "The exercise · preset")):
        page.get_by_role("button", name="Add").click()
        choose(page, letter, name)
    expect(differences(page, "d")).to_contain_text("Rate changes every step → epoch")
    driving.assert_fits(page)
    assert serious_faults(page) == []
    library.delete(home / "library", file)
