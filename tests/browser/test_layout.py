"""The pages' layout: no text is in the way of another, and an edit moves nothing."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, ViewportSize, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core import presets
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.schedule import curves, edits
from tests.browser import driving, layout
from tests.browser.driving import LAPTOP, PHONE, OpenPage
from tests.browser.timeline import at_rest, bar, expect_thaws
from tests.runs.made import finished_run
from tests.sample import thorough

TABLET: ViewportSize = {"width": 768, "height": 1024}
SCHEDULE = presets.load("gradual")
STARTED = ev.Started(0.0, "cpu", "CPU", 2, 40, 20, ("a", "b"), 100, 0.5)
ENDS = {
    "running": None,
    "stopped": ev.Stopped(1),
    "failed": ev.Failed("the loss is not finite: lower the base rate"),
}


def steps(count: int) -> Iterator[ev.Step]:
    for step in range(count):
        t = curves.time_of_step(SCHEDULE, step, 2)
        rates = {g.name: float(curves.lr(SCHEDULE, g, t)) for g in SCHEDULE.groups}
        yield ev.Step(step, step // 2, 1.0, rates)


@pytest.fixture(scope="module")
def runs(home: Path) -> Iterator[dict[str, str]]:
    """Addresses of runs in each state; the running one belongs to this process."""
    made = {"failed at once": [ev.Failed("the weights of timm/resnet18 are not on this machine")]}
    for state, end in ENDS.items():
        made[state] = [
            STARTED,
            ev.CacheDecision(0, True, "", 10**6),
            *steps(3),
            *([end] * bool(end)),
        ]
    for state, events in made.items():
        run = home / "runs" / f"layout-{state.replace(' ', '-')}"
        run.parent.mkdir(exist_ok=True)
        run_folder.create(run, SCHEDULE, RunSettings(samples=40, image_size=32))
        for event in events:
            event_log.append(run, event)
        if state != "running":
            run_lock.release(run)
    finished_run(home, "layout-finished", SCHEDULE, (0.5, 0.75))
    yield {path.name: f"/run?run={path.name}" for path in run_folder.list_runs(home / "runs")}
    run_lock.release(home / "runs" / "layout-running")


@pytest.mark.parametrize(
    ("viewport", "state"),
    [
        (LAPTOP, "running"),
        (LAPTOP, "failed-at-once"),
        *thorough(
            *((LAPTOP, state) for state in ("stopped", "failed", "finished")),
            *((size, state) for size in (PHONE, TABLET) for state in ("running", "failed")),
        ),
    ],
)
def test_no_text_is_in_the_way_of_another_in_any_state_of_a_run(
    open_page: OpenPage, runs: dict[str, str], viewport: ViewportSize, state: str
) -> None:
    page = open_page(runs[f"layout-{state}"], viewport)
    promises = page.locator(".st-key-card-audit .thaw-check")
    expect(promises).to_have_count(3)
    for promise in promises.all():
        expect(promise).to_be_visible()
    assert layout.faults(page) == []


@pytest.mark.thorough
@pytest.mark.parametrize("width", [390, 768, 1024, 1160, 1280, 1366, 1440])
def test_no_text_of_any_page_is_in_the_way_of_another(open_page: OpenPage, width: int) -> None:
    page = open_page("/", {"width": width, "height": 800})
    for name in ("Design", "Run", "Compare", "Export", "Learn"):
        if name != "Design":
            page.goto(urljoin(page.url, name.lower()))
        expect(page).to_have_title(f"{name} · Thaw")
        page.wait_for_selector("[class*=st-key-card-]")
        assert layout.faults(page) == [], name


@pytest.mark.thorough
def test_the_designers_toolbar_is_one_row_on_a_laptop_and_an_edit_moves_nothing_below_it(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page("/", LAPTOP))
    before = {}
    for width in (768, 1160, 1280):
        page.set_viewport_size({"width": width, "height": 720})
        assert layout.faults(page) == [], width
        before[width] = place(page)
        heights = middles(page)
        assert (max(heights) - min(heights) < 20) == (width >= 1160), width
    driving.settle(page)
    page = at_rest(open_page("/", LAPTOP))  # which no change of its width draws anew
    ends = script_ends(page)
    driving.drag_with_mouse(page, "stage4", 4)
    expect_thaws(page, "stage4", 4)
    expect(page.locator(".st-key-presets")).to_contain_text("edited")
    driving.settle(page)
    assert ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY in ends
    assert ForwardMsg.FINISHED_SUCCESSFULLY not in ends  # that of a run of the whole app
    for width, at in reversed(before.items()):
        page.set_viewport_size({"width": width, "height": 720})
        driving.settle(page)
        assert place(page) == at, width


@pytest.mark.thorough
@pytest.mark.parametrize(("viewport", "menu"), [(LAPTOP, "share"), (PHONE, "more")])
def test_why_run_is_off_stands_between_the_toolbar_and_the_timeline(
    open_page: OpenPage, viewport: ViewportSize, menu: str
) -> None:
    frozen = {group.name: () for group in SCHEDULE.groups}
    page = at_rest(open_page(edits.set_windows(SCHEDULE, frozen), viewport))
    why = page.locator(".thaw-off").bounding_box()
    above = page.locator(f".st-key-{menu}-menu").bounding_box()
    assert why is not None
    assert above is not None
    assert why["width"] > 300
    assert above["y"] + above["height"] <= why["y"]
    assert why["y"] + why["height"] <= place(page)


@pytest.mark.thorough
def test_a_phone_has_two_rows_of_tools(open_page: OpenPage) -> None:
    heights = middles(at_rest(open_page("/", PHONE)))
    first, last = min(heights), max(heights)
    assert all(min(at - first, last - at) < 8 for at in heights)


@pytest.mark.thorough
def test_the_fields_of_a_window_show_their_whole_numbers_on_a_phone(open_page: OpenPage) -> None:
    page = at_rest(open_page("/", PHONE))
    bar(page, "stage4").click()
    card = page.locator(".st-key-card-window")
    expect(card.get_by_label("LR scale", exact=True)).to_have_value("0.25")
    driving.settle(page)
    fields = card.locator("input[type=number]").all()
    assert len(fields) == 3
    for field in fields:
        assert field.evaluate("e => e.scrollWidth <= e.clientWidth")
        assert field.evaluate("e => e.getBoundingClientRect().right") < PHONE["width"] - 28


@pytest.mark.thorough
def test_the_first_number_that_is_typed_for_a_window_does_not_draw_the_whole_app_anew(
    open_page: OpenPage,
) -> None:
    page = at_rest(open_page("/", LAPTOP))
    bar(page, "stage4").click()
    field = page.get_by_label("Thaws at", exact=True)
    expect(field).to_be_visible()
    driving.settle(page)
    ends = script_ends(page)
    field.fill("4")
    field.press("Enter")
    expect_thaws(page, "stage4", 4)
    expect(page.locator(".st-key-presets")).to_contain_text("edited")
    driving.settle(page)
    assert ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY in ends
    assert ForwardMsg.FINISHED_SUCCESSFULLY not in ends


def script_ends(page: Page) -> list[int]:
    """Return a list to which it is added how each run of the script ends from now on."""
    found: list[int] = []

    def take(event: dict[str, Any]) -> None:
        message = ForwardMsg.FromString(b64decode(event["response"]["payloadData"]))
        if message.WhichOneof("type") == "script_finished":
            found.append(message.script_finished)

    network = page.context.new_cdp_session(page)
    network.on("Network.webSocketFrameReceived", take)
    network.send("Network.enable")
    return found


def place(page: Page) -> float:
    """Pixels from the window's top to the timeline's card."""
    box = page.locator(".st-key-card-timeline").bounding_box()
    assert box is not None
    return box["y"]


def middles(page: Page) -> list[float]:
    """The middles of the toolbar's parts, in pixels from the window's top."""
    found: list[float] = page.evaluate(
        """() => [...document.querySelectorAll(".st-key-toolbar > *")]
            .map((e) => e.getBoundingClientRect()).filter((box) => box.height > 1 && box.width > 1)
            .map((box) => (box.top + box.bottom) / 2)"""
    )
    return found
