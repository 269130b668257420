"""The Run page in a browser: stop, resume, refresh, double clicks, and a server that is killed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from core import presets
from core.runs import run_folder, trash
from core.runs.processes import launch, run_lock
from core.runs.settings import RunSettings
from core.schedule import edits
from tests.browser import driving
from tests.browser.driving import OpenPage
from tests.browser.server import ROOT, running_app


def press(page: Page, key: str) -> None:
    """Press a button with the keyboard alone."""
    driving.tab_to(page, f"e.closest('.st-key-{key}')")
    page.keyboard.press("Enter")


@pytest.mark.thorough  # test_newcomer.py does so by mouse
def test_a_run_is_stopped_by_keys_found_again_elsewhere_and_resumed_to_its_end(
    open_page: OpenPage,
) -> None:
    page = open_page(
        edits.set_length(presets.load("gradual"), 60)
    )  # so long that it can be stopped
    driving.go_to(page, "Run")
    for label, value in (("Images, train", 64), ("Images, validation", 64), ("Image size, px", 32)):
        driving.fill(page, label, value)
    driving.settle(page)
    press(page, "start")
    press(page, "stop")  # the server has a Stop of its own
    expect(page.locator(".thaw-headline")).to_contain_text("Stopped", timeout=60_000)

    assert "run=" in page.url
    other = open_page(page.url)
    expect(other.locator(".thaw-headline")).to_contain_text("Stopped")
    driving.settle(other)
    press(other, "resume")
    expect(other.locator(".thaw-headline")).not_to_contain_text("Stopped")  # the press has come
    other.reload()
    expect(other.locator(".thaw-headline")).to_contain_text("Finished", timeout=180_000)
    expect(other.locator(".thaw-checks")).to_contain_text("Rates equal the plan")


TWICE = """selector => {
  const button = () => document.querySelector(selector);
  button().click();
  setTimeout(() => button()?.click(), 60);
}"""
"""A second click on a button that is made while the first one is answered."""


def test_a_double_click_on_start_starts_one_run(home: Path, open_page: OpenPage) -> None:
    page = open_page("/run")
    driving.settle(page)
    before = set(run_folder.list_runs(home / "runs"))
    page.evaluate(TWICE, ".st-key-start button")
    expect(page.locator(".st-key-stop button")).to_be_visible()
    expect(page.locator(".thaw-headline")).to_contain_text("Training", timeout=60_000)
    started = set(run_folder.list_runs(home / "runs")) - before
    for run in started:
        launch.force_stop(run)
    assert [run.name for run in started] == [page.url.split("run=")[1]]


@pytest.mark.thorough
def test_a_live_run_is_in_the_header_of_every_page_and_a_click_shows_it(
    home: Path, open_page: OpenPage
) -> None:
    run = home / "runs" / "20200101-000000-live"
    run_folder.create(run, presets.load("ulmfit"), RunSettings())
    pages = [open_page(path, driving.PHONE) for path in driving.PATHS]
    for page in pages:
        link = page.locator(".st-key-live-run a")
        expect(link).to_contain_text("ULMFiT")
        box, header = link.bounding_box(), page.get_by_test_id("stHeader").bounding_box()
        assert box is not None
        assert header is not None
        assert header["y"] <= box["y"]
        assert box["y"] + box["height"] <= header["y"] + header["height"]
        assert box["x"] + box["width"] <= driving.PHONE["width"]
        # and it covers no button beside it
        page.get_by_test_id("stExpandSidebarButton").click(trial=True)
        page.get_by_role("button", name="Help", exact=True).click(trial=True)
    pages[-1].locator(".st-key-live-run a").click()
    expect(pages[-1].locator(".thaw-headline")).to_contain_text("Starting")
    assert pages[-1].url.endswith(f"/run?run={run.name}")
    # from the Run page itself too: its next click is about this run
    new = pages[driving.PATHS.index("/run")]
    new.locator(".st-key-live-run a").click()
    expect(new).to_have_url(re.compile(rf"/run\?run={run.name}$"))
    run_lock.release(run)
    for page in pages:  # none of which is touched
        expect(page.locator(".st-key-live-run a")).to_have_count(0)


IDLE = """
import sys, time
from pathlib import Path
from core import presets
from core.schedule import edits
from core.runs import events, run_folder
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.runs.session import RunSession
from core.runs.processes.stopping import watch_for_stop

run = Path(sys.argv[1])
run_folder.create(run, presets.load("gradual"), RunSettings())
session = RunSession(run, presets.load("gradual"))
with watch_for_stop(run, session.done, session.end_process) as asked, session:
    session.record(events.Started(time.time(), "cpu", "CPU", 32, 9, 9, ("a", "b"), 1, 0.5))
    while not asked():
        time.sleep(0.05)
    session.record(events.Stopped(0))
"""
"""A run that does nothing until it is stopped."""


@pytest.mark.thorough
def test_a_deleted_run_is_gone_until_it_is_brought_back(home: Path, open_page: OpenPage) -> None:
    run = home / "runs" / "20200101-000000-to-be-deleted"
    run_folder.create(run, presets.load("ulmfit"), RunSettings(batch_size=64))
    run_lock.release(run)
    page = open_page(f"/run?run={run.name}")
    expect(page.locator(".thaw-headline")).to_contain_text("Interrupted")
    batch = page.get_by_label("Batch size", exact=True)
    expect(batch).to_have_value("64")
    driving.settle(page)
    page.evaluate(TWICE, ".st-key-delete-run button")
    expect(page.locator(".st-key-undelete-run")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    driving.settle(page)
    expect(batch).to_have_value(str(RunSettings().batch_size))  # one's own again
    assert not run.exists()
    lost = open_page(f"/run?run={run.name}")
    expect(lost.get_by_test_id("stToast")).to_contain_text("which does not exist")

    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".thaw-headline")).to_contain_text("Interrupted")
    driving.settle(page)
    page.locator(".st-key-delete-run button").click()
    expect(page.get_by_test_id("stToast")).to_contain_text("Deleted: ULMFiT")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    driving.settle(page)
    page.get_by_role("button", name="Trash: ").click()
    page.get_by_role("button", name="Empty the trash").click()
    expect(page.locator(".st-key-runs-trash")).to_have_count(0)
    expect(page.locator(".st-key-undelete-run")).to_have_count(0)
    assert trash.trashed_runs(home / "runs") == ()


@pytest.mark.thorough
def test_a_killed_server_loses_nothing_of_a_run_and_leaves_nothing_else(
    browser: Browser, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "idle"
    process = subprocess.Popen([sys.executable, "-c", IDLE, str(run)], cwd=ROOT)
    page = browser.new_page()
    with running_app(tmp_path) as address:
        page.goto(f"{address}/run")  # where another run could be started, for which there is help
        expect(page.locator(".st-key-card-going")).to_contain_text("is running")
        (server,) = _servers(address)
        helpers = server.children(recursive=True)
        assert helpers != []
        server.kill()
        _, left = psutil.wait_procs(helpers, timeout=60.0)
        assert left == []
    assert process.poll() is None
    with running_app(tmp_path) as address:
        page.goto(f"{address}/run?run=idle")
        headline = page.locator(".thaw-headline")
        expect(headline).to_contain_text("Training")
        page.locator(".st-key-stop button").click()
        expect(headline).to_contain_text("Stopped")
        page.close()
    process.wait(60)


def _servers(address: str) -> list[psutil.Process]:
    port = address.rsplit(":", 1)[1]
    return [p for p in psutil.Process().children() if f"--server.port={port}" in p.cmdline()]
