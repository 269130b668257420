"""Names that are HTML, Markdown or Streamlit's own marks: every page shows them as they are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core import library, presets
from core.export import targets
from core.export.export_result import ExportSource
from core.models import layer_table
from core.runs import event_log, predictions, run_folder
from core.runs import events as ev
from core.runs.settings import RunSettings
from core.schedule import parse
from core.schedule.parse import dumps, to_raw
from core.schedule.spec import Schedule
from tests.browser import driving
from tests.browser.driving import OpenPage
from tests.browser.timeline import expect_thaws
from tests.data.zips import png
from tests.sample import stairs

NAMES = (
    "<img src=x onerror=window.pwned=1>",
    "**bold** _it_ ~~no~~",
    "$x$ $$y$$ :smile: :red[x]",
    "[a](javascript:window.pwned=1)",
    "`code` www.a.com a@b.com",
    "<script>window.pwned=1<|script>",
    " # 1. :material_home: -> :streamlit: ",
)
"""One per group of the default schedule; none holds a slash, so that folders can bear them too."""
RUN = "20250102-000000-hostile"


def hostile(schedule: Schedule | None = None) -> Schedule:
    raw = to_raw(schedule or stairs())
    raw["name"] = NAMES[0]
    for group, name in zip(raw["groups"], NAMES, strict=False):
        group["name"] = name
    return parse.from_raw(raw)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose classes and files bear the names; one file is no image."""
    root = tmp_path_factory.mktemp("data")
    for at, name in enumerate(NAMES):
        (root / name).mkdir()
        for number, file in enumerate(NAMES[:3]):
            (root / name / f"{file}.png").write_bytes(png(at * 9 + number))
    (root / NAMES[0] / f"{NAMES[3]}.png").write_bytes(b"no image")
    return root


@pytest.fixture(scope="module")
def run(home: Path, data: Path) -> str:
    """A run's folder as if it had trained and then failed, in the server's THAW_HOME."""
    made, schedule = home / "runs" / RUN, hostile()
    made.mkdir(parents=True)
    (made / run_folder.SCHEDULE).write_text(dumps(schedule), encoding="utf-8")
    settings = RunSettings(data=str(data))
    (made / run_folder.SETTINGS).write_text(settings.model_dump_json(), encoding="utf-8")
    spans = tuple(ev.FrozenSpan(name, 0, 2, unchanged=False) for name in NAMES)
    said = " ".join(NAMES)
    for event in (
        ev.Launched(),
        ev.Started(time.time(), said, said, 1, 7, 7, NAMES, 9, 0.5),
        ev.Notice(said),
        ev.CacheDecision(0, on=False, reason=said),
        ev.Step(0, 0, 1.0, dict.fromkeys(NAMES, 1e-3)),
        ev.EpochDone(0, NAMES, 9, 1.0, 0.5, 1.0, 0.5, 1.0, 9.0, 10**8),
        ev.Audit(1, 0.0, frozen_groups_unchanged=False, spans=spans),
        ev.Failed(said),
    ):
        event_log.append(made, event)
    count = len(NAMES)
    images = tuple(f"{name}/{NAMES[1]}.png" for name in NAMES)
    wrong = tuple((at + 1) % count for at in range(count))
    told = predictions.Predictions(
        classes=NAMES,
        images=images,
        true=tuple(range(count)),
        predicted=wrong,
        confidence=(0.9,) * count,
    )
    predictions.write(made / run_folder.PREDICTIONS, told)
    (made / run_folder.LOG).write_text(said, encoding="utf-8")
    return RUN


def text(part: Locator) -> str:
    """What a person reads, without what keeps Streamlit from replacing it."""
    said = part.evaluate("e => e.innerText") or ""
    return " ".join(str(said).replace("\u2060", "").split())


def shows(part: Locator, *names: str) -> None:
    expect(part).to_be_visible()
    driving.settle(part.page)
    said = text(part)
    assert [name for name in names if " ".join(name.split()) not in said] == [], said


def nothing_ran(page: Page) -> None:
    """No name has become an element, a link, a formula, an icon, or a program."""
    driving.settle(page)
    for frame in page.frames:
        assert frame.evaluate("() => window.pwned === undefined")
    wrong = (
        "img[src='x'], img[alt='Streamlit logo'], [href^='javascript'], a[href*='a.com'], "
        "a[href*='b.com'], .katex, em:text-is('it'), del:text-is('no'), strong:text-is('bold')"
    )
    expect(page.locator(wrong)).to_have_count(0)


def test_the_design_page_shows_names_as_they_are(open_page: OpenPage) -> None:
    page = open_page(hostile())
    for name in NAMES[-2:]:
        expect(driving.thaw(page, name.strip())).to_be_attached()
    page.get_by_role("button", name="Groups").click()
    shows(page.locator(".st-key-group-rows"), *NAMES)
    page.locator(".st-key-group-3 button").click()
    shows(page.locator(".st-key-group-body"), f"Merge with {NAMES[2]}", f"Merge with {NAMES[4]}")
    expect(page.locator("[class*=st-key-name] input")).to_have_value(NAMES[0])
    driving.crosshair(page, "rates").hover()
    shows(driving.crosshair(page, "rates"), *NAMES)
    nothing_ran(page)
    why = page.get_by_role("button", name="Why").first
    why.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    nothing_ran(page)


WORDS = ("__proto__", "constructor", "title", "image", "epoch", "group epoch", "Epoch")
"""Words that JavaScript, Vega or a table of rates have for themselves."""


@pytest.mark.thorough
def test_groups_with_the_names_of_programs_are_read_edited_and_tabled(open_page: OpenPage) -> None:
    raw = to_raw(stairs())
    for group, name in zip(raw["groups"], WORDS, strict=True):
        group["name"] = name
    page = open_page(parse.from_raw(raw))
    cross = driving.crosshair(page, "rates")
    cross.hover()
    expect(cross).to_contain_text("frozen")
    assert [text(name) for name in cross.locator(".name").all()] == [*reversed(WORDS)]

    for name in ("__proto__", "constructor"):
        handle = driving.thaw(page, name)
        before = driving.epoch_of(handle)
        handle.press("ArrowLeft")
        driving.settle(page)
        expect_thaws(page, name, before - 1)

    page.get_by_role("button", name="Table").click()
    table = page.get_by_role("dialog").get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    headings = table.locator("th")
    expect(headings).to_have_count(8)
    assert headings.all_text_contents() == ["epoch", *reversed(WORDS)]


@pytest.mark.thorough
def test_run_compare_and_export_show_names_as_they_are(
    open_page: OpenPage, run: str, home: Path
) -> None:
    file, _ = library.save(home / "library", hostile())
    page = open_page(f"/run?run={run}")
    expect(page.locator(".thaw-headline")).to_contain_text("Failed")
    shows(page.locator(".thaw-title"), NAMES[0])
    shows(page.locator(".st-key-card-status"), " ".join(NAMES))
    shows(page.locator(".st-key-card-runs"), NAMES[0])
    for part in (".thaw-checks", ".st-key-card-confusion", ".st-key-card-mistakes"):
        shows(page.locator(part), *NAMES)
    pictures = page.locator(".st-key-card-mistakes").get_by_role("img")
    assert all(picture.evaluate("e => e.naturalWidth") for picture in pictures.all())
    page.locator(".st-key-card-confusion svg.marks").hover()
    driving.crosshair(page, "run-rates").hover()
    shows(driving.crosshair(page, "run-rates"), *NAMES)
    nothing_ran(page)

    page.locator(".st-key-to-compare button").click()
    page.locator(".st-key-card-diff-b summary").click()
    shows(page.locator(".st-key-card-diff-b"), NAMES[0], NAMES[1], NAMES[4])
    shows(page.locator(".st-key-library-rows"), NAMES[0])
    shows(page.locator(".st-key-card-bars"), *NAMES)
    nothing_ran(page)
    page.get_by_role("button", name="Use B in Design").click()
    expect(page.locator("[class*=st-key-name] input")).to_have_value(NAMES[0])
    driving.go_to(page, "Export")
    shows(page.locator(".st-key-card-json"), NAMES[0], NAMES[3])
    for target in ("html", "module"):
        row = page.locator(f".st-key-listed-target-{target} button")
        row.click()
        expect(row.get_by_role("img", name="check")).to_be_visible()
        nothing_ran(page)
    library.delete(home / "library", file)


@pytest.mark.thorough
def test_the_data_card_shows_classes_and_files_as_they_are(open_page: OpenPage, data: Path) -> None:
    page = open_page("/run")
    driving.choose(page, "Data", "A folder of class folders")
    driving.fill(page, "Folder", data)
    card = page.locator(".st-key-card-data")
    expect(card).to_contain_text("7 classes")
    shows(card, *NAMES)
    settings = page.locator(".st-key-card-settings")
    settings.get_by_text("What is left out").click()
    shows(settings, f"{NAMES[0]}/{NAMES[3]}.png: not an image")
    nothing_ran(page)


def test_exported_pages_and_pictures_opened_as_files_are_drawn_ask_for_nothing_and_run_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    schedule, table = hostile(presets.load("exercise")), layer_table.load("torchvision/resnet18")
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    files = [tmp_path / "a.svg", tmp_path / "a.html"]
    for file in files:
        made = targets.export(file.suffix[1:], ExportSource(schedule, 1, table)).content
        file.write_text(str(made), encoding="utf-8")
        page.goto(file.as_uri())
        assert page.evaluate("window.pwned") is None
        chart = page.locator("svg").first
        expect(chart).to_contain_text(NAMES[5])
        curves = chart.locator("path").evaluate_all(
            "all => all.filter(e => e.getBoundingClientRect().width > 100).length"
        )
        assert curves >= len(schedule.groups) - 2  # two never train
    expect(page.get_by_role("row").filter(has_text=NAMES[5])).not_to_have_count(0)
    context.close()
    assert asked == [file.as_uri() for file in files]
    assert said == []
