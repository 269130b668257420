"""What the hosted demo holds in memory: python -m tests.benchmarks.serving.

Starts the app as core/demo/README.md hosts it. Visitors look at every page and at every export that
is drawn, and edit; then one of them trains each model that the demo runs, with every group open, at
its largest images and batches. Printed is what the server and all its processes held together
after the visits, the most while they went on, which is with a process that draws, and the most with
a run: what is resident, and a page that processes share once, as a container's limit counts it.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright

from core import presets
from core.demo.limits import LIMITS
from core.files.home import HOME
from core.models import layer_table
from core.schedule import edits, link
from core.schedule.spec import ModelRef, Schedule
from tests.browser import driving
from tests.browser.server import CHROMIUM, FLAGS, ROOT, running_app

WITHOUT_A_RUN, WITH_A_RUN = 300, 1_300
"""Megabytes that are asked for."""

_PAGES = ("Run", "Compare", "Export", "Learn", "Design")
_DRAWN = ("png", "svg", "html")
_EVERY = 0.1  # seconds between two looks


def hosted() -> dict[str, str]:
    """Return what the container of core/demo/README.md sets, but for its home."""
    lines = (ROOT / "core/demo/README.md").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if line.startswith("ENV ") for word in line.split()[1:]]
    named = dict(word.split("=", 1) for word in words)
    del named[HOME]  # each measuring has its own
    return named


class Peak:
    """The most bytes that a process and its descendants have held since `mark`."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._ended = threading.Event()
        self._most = 0

    def mark(self) -> None:
        """Begin anew."""
        self._most = 0

    @property
    def megabytes(self) -> float:
        """The most so far."""
        return self._most / 1e6

    @contextmanager
    def watching(self) -> Iterator[None]:
        """A context in which it is looked at, ten times a second."""
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._ended.set()
            watch.join()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            self._most = max(self._most, held(self._process))


def held(process: psutil.Process) -> int:
    """Bytes that a process and its descendants hold now; what they share counts once (PSS)."""
    found = 0
    with suppress(psutil.Error):
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                info = each.memory_full_info()
                found += getattr(info, "pss", info.rss)  # which Linux alone tells
    return found


def visit(browser: Browser, address: str) -> Page:
    """A visitor who looks at every page and at every export that is drawn, and edits."""
    page = browser.new_context(viewport=driving.WIDE).new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    for name in _PAGES:
        page.get_by_role("link", name=name, exact=True).first.click()
        driving.settle(page)
        if name == "Export":
            for target in _DRAWN:
                page.locator(f'[class*="-target-{target}"] button').click()
                driving.settle(page)
    for epochs in (3, 5, 4):
        driving.fill(page.locator(".st-key-card-curve"), "Epochs", epochs)
        driving.settle(page)
    return page


def largest(model: str) -> Schedule:
    """The most that a run of the model can hold: every group open, in as few epochs as will do."""
    table, offline = layer_table.load(model), model == presets.BUNDLED_MODEL
    named = ModelRef(name=model, weights="bundled" if offline else None)  # nothing is downloaded
    made = presets.load_for("discriminative", table, named)
    return edits.set_length(made, 2)


def train(page: Page, address: str, model: str) -> None:
    """Open the schedule by its link, and run it with the largest images to the end."""
    page.goto(f"{address}/run?s={link.encode(largest(model))}")
    side = LIMITS.image_size
    for label, value in (
        ("Batch size", LIMITS.pixels // side**2),
        ("Image size, px", side),
        ("Images, train", LIMITS.images),
        ("Images, validation", LIMITS.images),
    ):
        driving.fill(page, label, value)
        driving.settle(page)
    page.get_by_role("button", name="Start").click()
    ended = page.locator(".thaw-headline").get_by_text("Finished").or_(page.get_by_text("Stopped"))
    expect(ended.first).to_be_visible(timeout=(LIMITS.seconds + 60) * 1e3)
    time.sleep(2.0)  # until its process is gone


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--visitors", type=click.IntRange(1), default=10, show_default=True)
@click.option("--model", "models", type=click.Choice(LIMITS.models), multiple=True)
def cli(visitors: int, models: tuple[str, ...]) -> None:
    """Measure the demo's memory. Exit code 1 if it is more than is asked for."""
    most = 0.0
    with (
        tempfile.TemporaryDirectory() as home,
        running_app(Path(home), **hosted()) as address,
        sync_playwright() as playwright,
    ):
        (server,) = (p for p in psutil.Process().children() if "streamlit" in p.cmdline())
        peak = Peak(server)
        with peak.watching():
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            pages = [visit(browser, address) for _ in range(visitors)]
            idle = held(server) / 1e6
            click.echo(f"{visitors} visitors, no run: {idle:,.0f} MB (asked: {WITHOUT_A_RUN})")
            drawn = peak.megabytes
            click.echo(f"and while an export is drawn: {drawn:,.0f} MB (asked: {WITHOUT_A_RUN})")
            for model in models or LIMITS.models:
                peak.mark()
                train(pages[0], address, model)
                most = max(most, peak.megabytes)
                click.echo(f"and a run of {model}: {peak.megabytes:,.0f} MB (asked: {WITH_A_RUN})")
            browser.close()
    if max(idle, drawn) > WITHOUT_A_RUN or most > WITH_A_RUN:
        sys.exit(1)


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks.serving")
