"""The Compare page in a browser: a diff is read, runs are compared, and the library is kept."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.design import edits, link, parse, presets
from core.design.record_door import record_json
from core.runs import library
from tests.browser import driving
from tests.browser.driving import PHONE
from tests.browser.faults import serious_faults
from tests.browser.server import ROOT
from tests.design.records import recorded_of

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def runs(home: Path) -> tuple[str, str]:
    """Two small runs from the command line, in the server's THAW_HOME: their schedules' names."""
    names, started = [], []
    for preset, name in (("gradual", "Slow thaw"), ("discriminative", "All at once")):
        schedule = edits.set_field(edits.set_field(presets.load(preset), "epochs", 2), "name", name)
        file = home / f"{preset}.json"
        file.write_text(parse.dumps(schedule), encoding="utf-8")
        out = home / "runs" / f"20250101-000000-{preset}"
        small = ("--samples", "40", "--validation-samples", "40", "--image-size", "32")
        command = [sys.executable, "-m", "core", "run", str(file), "--out", str(out), *small]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))
        names.append(name)
    assert [process.wait(timeout=180) for process in started] == [0, 0]
    return names[0], names[1]


@pytest.fixture
def shelf(home: Path) -> Iterator[Path]:
    """The server's library, empty before and after."""
    root = home / "library"
    yield root
    for entry in library.read(root)[0]:
        library.delete(root, entry.file)


def choose(page: Page, letter: str, name: str) -> None:
    starts = re.compile(f"^{re.escape(name)}")  # a list that has the other tests' runs too
    driving.choose(page, f"Schedule {letter}", starts, search=name)
    driving.settle(page)


def differences(page: Page, letter: str = "b") -> Locator:
    return page.locator(f".st-key-card-diff-{letter}")


def titles(root: Path) -> list[str]:
    return sorted(entry.name for entry in library.read(root)[0])


def row(page: Page, name: str) -> Locator:
    return page.locator(".st-key-library-rows").get_by_role("button", name=name)


def test_two_schedules_are_compared_and_the_difference_is_read_and_used(
    open_page: OpenPage,
) -> None:
    page = open_page("/compare")
    expect(page.locator(".st-key-card-compare-empty")).to_contain_text("Choose another one as B")
    choose(page, "B", "Discriminative rates · preset")
    told = differences(page)
    expect(told).to_contain_text("stage4 thaws 2 epochs earlier")
    expect(told).to_contain_text("from 2 → all the time, share of learning 51% → 100%")
    expect(told).to_contain_text("Alike: tf_efficientnet_lite0, 6 epochs, Adam, base LR 2e-3")
    table = page.get_by_role("table", name="When each group trains")
    expect(table.get_by_role("row")).to_have_count(1 + 7 * 3)
    expect(page.locator(".st-key-rate-panels svg.marks")).to_have_count(7)
    assert serious_faults(page) == []

    page.get_by_text("side by side", exact=True).last.click()
    expect(page.locator(".st-key-card-rate-compare svg.marks")).to_have_count(2)

    page.get_by_role("button", name="Use B in Design").click()
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "0")
    page.locator(".st-key-undo button").first.click()
    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "2")


def test_a_file_and_a_link_are_compared_with_what_is_on_the_table(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/compare")
    file = tmp_path / "mine.json"
    longer = edits.set_field(presets.load("gradual"), "epochs", 9)
    file.write_text(parse.dumps(longer), encoding="utf-8")
    page.get_by_role("button", name="File or link").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(differences(page)).to_contain_text("Run 6 → 9 epochs")
    warm = edits.set_field(presets.load("gradual"), "lr.warmup.epochs", 2)
    field = page.get_by_label("A share link", exact=True)
    if not field.is_visible():
        page.get_by_role("button", name="File or link").click()
    field.fill(f"http://anywhere/?s={link.encode(warm)}")
    field.press("Enter")
    expect(differences(page, "c")).to_contain_text("Warmup 1 → 2 epochs")


def test_phases_of_finetuning_scheduler_are_compared_and_refused_in_words(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/compare")
    file = tmp_path / "phases.yaml"
    for params, says in (
        ("[model.nothing.*]", "which matches no parameter of timm/tf_efficientnet_lite0"),
        ("[model.classifier.*, 'model.conv_head.*']", ""),
    ):
        file.write_text(f"0: {{params: {params}, max_transition_epoch: 4}}", encoding="utf-8")
        page.get_by_role("button", name="File or link").click()
        page.locator("input[type=file]").set_input_files(file)
        if says:
            expect(page.get_by_test_id("stAlert")).to_contain_text(says)
            driving.settle(page)
            page.keyboard.press("Escape")
            expect(page.locator("input[type=file]")).to_have_count(0)
    told = differences(page)
    expect(told).to_contain_text("stage4 no longer trains")
    expect(told).to_contain_text("Run 6 → 4 epochs")
    expect(page.get_by_role("combobox", name="Schedule B")).to_have_value(
        "Gradual unfreezing · finetuning-scheduler"
    )


def test_the_record_of_a_loop_is_compared_and_offers_no_design(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/compare")
    late = edits.set_windows(presets.load("gradual"), {"stage4": [[3, None]]})
    file = tmp_path / "my-loop.json"
    file.write_text(record_json(recorded_of(late, 31), "<b>My</b> loop"), encoding="utf-8")
    page.get_by_role("button", name="File or link").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(differences(page)).to_contain_text("stage4 thaws 1 epoch later")
    expect(page.get_by_role("combobox", name="Schedule B")).to_have_value("<b>My</b> loop · record")
    expect(page.locator(".thaw-figures")).to_contain_text("not recorded")
    expect(page.get_by_role("button", name="Use B in Design")).to_have_count(0)
    page.keyboard.press("Escape")
    assert serious_faults(page) == []


def test_two_runs_are_compared_by_epoch_and_by_seconds(
    open_page: OpenPage, runs: tuple[str, str]
) -> None:
    page = open_page("/run?run=20250101-000000-discriminative", scheme="dark")
    page.locator(".st-key-to-compare button").click()
    expect(page.get_by_role("combobox", name="Schedule B")).to_have_value(
        re.compile(f"^{runs[1]} · run")
    )
    choose(page, "A", f"{runs[0]} · run")
    figures = page.locator(".thaw-figures")
    for title in ("Validation accuracy", "Time", "Peak memory", "Audit"):
        expect(figures.get_by_role("row", name=re.compile(f"^{title}"))).not_to_contain_text("–")
    expect(figures.get_by_role("row", name=re.compile("^Audit"))).to_contain_text("kept")
    for by in ("epoch", "seconds"):
        chart = page.locator(f".st-key-card-metric-{by} svg.marks")
        expect(chart).to_contain_text(re.compile(r"A \d+\.\d%"))
        expect(chart).to_contain_text(re.compile(r"B \d+\.\d%"))
    page.locator(".st-key-metric-head").get_by_text("loss", exact=True).click()
    expect(page.locator(".st-key-card-metric-epoch")).to_contain_text("Validation loss by epoch")
    page.get_by_role("button", name="Swap").click()
    expect(page.get_by_role("combobox", name="Schedule A")).to_have_value(
        re.compile(f"^{runs[1]} · run")
    )
    assert serious_faults(page) == []


def test_schedules_are_saved_renamed_duplicated_deleted_and_brought_back(
    open_page: OpenPage, shelf: Path
) -> None:
    page = open_page("/")
    driving.file_menu(page)
    page.get_by_role("button", name="Save to library").click()
    expect(page.get_by_role("button", name="Saved in the library")).to_be_disabled()
    assert titles(shelf) == ["Gradual unfreezing"]
    page.keyboard.press("Escape")

    driving.go_to(page, "Compare")
    row(page, "Gradual unfreezing").click()
    name = page.locator(".st-key-library-body").get_by_label("Name", exact=True)
    name.fill("../Mine *and* yours")
    name.press("Enter")
    expect(row(page, "../Mine *and* yours")).to_be_visible()
    page.get_by_role("button", name="Duplicate").click()
    expect(row(page, "../Mine *and* yours copy")).to_be_visible()
    assert titles(shelf) == ["../Mine *and* yours", "../Mine *and* yours copy"]
    assert serious_faults(page) == []

    page.get_by_role("button", name="Delete").click()
    expect(row(page, "../Mine *and* yours copy")).to_have_count(0)
    assert titles(shelf) == ["../Mine *and* yours"]
    page.locator(".st-key-library-undo").get_by_role("button", name="Undo").click()
    expect(row(page, "../Mine *and* yours copy")).to_be_visible()
    assert titles(shelf) == ["../Mine *and* yours", "../Mine *and* yours copy"]

    row(page, "../Mine *and* yours copy").click()
    page.locator(".st-key-library-body").get_by_role("button", name="Compare").click()
    expect(differences(page)).to_contain_text("Name Gradual unfreezing → ../Mine *and* yours copy")


def test_the_keyboard_alone_compares(open_page: OpenPage) -> None:
    page = open_page("/compare")
    driving.tab_to(page, "e.getAttribute('aria-label') === 'Schedule B'")
    page.keyboard.type("Head only")
    page.keyboard.press("Enter")
    expect(differences(page)).to_contain_text("stage4 no longer trains")
    driving.tab_to(page, "e.closest('.st-key-swap')")
    page.keyboard.press("Enter")
    expect(differences(page)).to_contain_text("stage4 now trains")


def test_four_schedules_fit_a_phone_beside_a_library(open_page: OpenPage, shelf: Path) -> None:
    library.save(shelf, presets.load("ulmfit"))
    page = open_page("/compare", PHONE, "dark")
    row(page, "ULMFiT").click()
    expect(page.locator(".st-key-library-body")).to_be_visible()
    choose(page, "B", "Discriminative rates · preset")
    for letter, name in (("C", "Head only · preset"), ("D", "The exercise · preset")):
        page.get_by_role("button", name="Add").click()
        choose(page, letter, name)
    expect(differences(page, "d")).to_contain_text("Rate changes every step → epoch")
    wide = page.evaluate(
        "() => [document.documentElement.scrollWidth,"
        " document.querySelector('[data-testid=stMain]').scrollWidth]"
    )
    assert max(wide) <= PHONE["width"]
    assert serious_faults(page) == []
