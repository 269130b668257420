"""Many people who design at once: python -m tests.benchmarks.crowd.

Starts the app as a hosted demo, trains in it, one run after the other, and opens so many browser
sessions. Each has a schedule of its own and, once all are there, drags a window of it, again and
again. Printed are how long a drop takes to reach the chart, and how often anyone saw something that
was not theirs: after every edit the title and all handles of the page are compared with what this
person did, and at the end the exported schedule. Timings hold for an otherwise idle machine only.

The browsers share it with the server, which no server's visitors do. With --apart (Linux) all of
them but the first person's give way to the server and to that one browser, whose edits alone are
timed: much as if the others had machines of their own, but that they edit a little less often.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import statistics
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import click
from playwright.async_api import Browser, Page, async_playwright

from core.design import edits, link, presets
from core.design.parse import parse
from core.design.spec import Schedule
from core.files.home import DEMO, HOME
from core.runs import claim, demo, launch
from core.runs import folder as folders
from tests.benchmarks.designer import WATCH, percentile
from tests.benchmarks.measure import cores
from tests.browser.driving import WIDE
from tests.browser.server import CHROMIUM, FLAGS, running_app

PEOPLE, EDITS = 10, 50
P95 = 500.0
"""Milliseconds in which 95 of 100 edits should be on the screen while a run is on."""

_ASIDE = f"""#!/bin/sh
set -e
[ ! -e /proc/$$/autogroup ] || echo 19 >/proc/$$/autogroup
exec chrt --idle 0 {shlex.quote(CHROMIUM)} "$@"
"""
"""Chromium, whose processes get next to nothing of cores that the server or a page wants."""

_DRAGGED = ("stage2", "stage3", "stage4", "conv_head")
_PATIENCE_MS = 180_000


_READ = """
handles => handles.map((handle) => {
  const { left, top, width, height } = handle.getBoundingClientRect();
  const [name, at] = ["label", "valuenow"].map((key) => handle.getAttribute(`aria-${key}`));
  return [name, at, left + width / 2, top + height / 2];
})
"""


class Handle(NamedTuple):
    """Where a handle stands: its epoch as it is written, and its middle on the screen."""

    at: str
    x: float
    y: float


@dataclass(slots=True)
class Person:
    """A session: the schedule that it should have, what its edits took (ms), and what was odd."""

    number: int
    schedule: Schedule
    took: list[float] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    @property
    def dragged(self) -> str:
        """The group whose window this person moves."""
        return _DRAGGED[self.number % len(_DRAGGED)]


def person(number: int) -> Person:
    """Somebody with a schedule of a name and a length that nobody else has."""
    made = edits.set_length(presets.load(presets.DEFAULT), 20 + number)
    return Person(number, edits.set_field(made, "name", f"Schedule of person {number}"))


async def visit(browser: Browser, address: str, who: Person) -> Page:
    """Open the person's schedule in a session of its own."""
    context = await browser.new_context(viewport=WIDE, accept_downloads=True)
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    await page.goto(f"{address}/?s={link.encode(who.schedule)}")
    await page.wait_for_selector(".stVegaLiteChart svg.marks")
    await _settled(page)
    await page.evaluate(WATCH)
    return page


async def work(page: Page, who: Person, count: int, pace: float) -> None:
    """All edits of one person."""
    random = Random(who.number)
    for _ in range(count):
        await asyncio.sleep(random.uniform(0.5, 1.5) * pace)
        others = [e for e in range(1, 17) if [[e, None]] != _windows(who)]
        await _drag(page, who, random.choice(others))
        await _look(page, who)


def _windows(who: Person) -> list[list[int | None]]:
    return [list(window) for window in who.schedule.group(who.dragged).trainable]


async def _drag(page: Page, who: Person, epoch: int) -> None:
    """Drag the thaw of the person's group to an epoch, and wait for the chart that shows it."""
    handles = await _handles(page)
    left, right = (handles[f"{group} thaws"].x for group in ("head", "stem"))  # ends of the axis
    _, x, y = handles[f"{who.dragged} thaws"]
    target = left + (right - left) * epoch / who.schedule.epochs
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move((x + target) / 2, y)
    await page.mouse.move(target, y)
    await page.mouse.up()
    await page.wait_for_function("bench.painted > 0", polling=20)
    who.took.append(await page.evaluate("bench.painted - bench.dropped"))
    who.schedule = edits.set_windows(who.schedule, {who.dragged: [[epoch, None]]})


async def _look(page: Page, who: Person) -> None:
    """Compare the page's title and handles with what they should be."""
    await _settled(page)
    if await page.locator(".st-key-name input").input_value() != who.schedule.name:
        who.odd.append("a name")
    handles = await _handles(page)
    for group in who.schedule.groups:
        shown = handles[f"{group.name} thaws"].at
        wanted = group.trainable[0][0] if group.trainable else who.schedule.epochs
        if shown != str(wanted):
            who.odd.append(f"{group.name} thaws at {shown}, not at {wanted}")


async def _handles(page: Page) -> dict[str, Handle]:
    """All handles of the timeline by their names, with one look: each takes the page's time too."""
    found = await page.locator(".thaw [role=slider]").evaluate_all(_READ)
    return {name: Handle(*read) for name, *read in found}


async def _compare_export(page: Page, who: Person) -> None:
    await page.get_by_role("link", name="Export", exact=True).first.click()
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Download").first.click()
    file = await (await waiting.value).path()
    if parse(Path(file).read_bytes()) != who.schedule:
        who.odd.append("an exported schedule")


async def _settled(page: Page) -> None:
    await page.wait_for_selector('[data-test-script-state="notRunning"]')


async def gather(
    address: str, people: list[Person], count: int, pace: float, aside: Path | None
) -> None:
    """Let everybody work at once, from when the last has come until the last is done.

    `aside` is the Chromium of all but the first person, if that is another.
    """
    async with async_playwright() as playwright:
        launch = partial(playwright.chromium.launch, args=list(FLAGS))
        first = await launch(executable_path=CHROMIUM)
        others = first if aside is None else await launch(executable_path=aside)
        theirs = [first, *(others for _ in people[1:])]
        each = zip(theirs, people, strict=True)
        pages = await asyncio.gather(*(visit(browser, address, who) for browser, who in each))
        both = list(zip(pages, people, strict=True))
        await asyncio.gather(*(work(page, who, count, pace) for page, who in both))
        await asyncio.gather(*(_compare_export(page, who) for page, who in both))
        for browser in {first, others}:
            await browser.close()


@contextmanager
def runs_are_on() -> Iterator[Counter[str]]:
    """Runs of the bundled model, one after the other, each as a visitor begins it.

    Yields how many have ended how: "finished", or "stopped" where the demo's time for a run was
    over, since the browsers need the same cores. RuntimeError at the end if one ended otherwise.
    """
    root, ended, outcomes = launch.root(), threading.Event(), Counter[str]()

    def start() -> Path:
        return root / launch.start(demo.first_schedule(), demo.first_settings(), root)

    def go_on(folder: Path) -> None:
        while True:
            while claim.process(folder) is not None and not ended.wait(0.1):
                pass
            if ended.is_set():
                launch.force_stop(folder)
                return
            if (found := folders.status(folder)) not in ("finished", "stopped"):
                raise RuntimeError(f"a run is {found}: {folders.end_of_log(folder)}")
            outcomes[found] += 1
            folder = start()

    with ThreadPoolExecutor(1) as pool:
        runs = pool.submit(go_on, start())
        try:
            yield outcomes
        finally:
            ended.set()
            runs.result()


def _write_aside(folder: Path) -> Path:
    script = folder / "chromium-aside"
    script.write_text(_ASIDE, encoding="utf-8")
    script.chmod(0o700)
    return script


def _beside(runs: Counter[str] | None) -> str:
    if runs is None:
        return "without a run"
    return f"beside runs ({runs['finished']} finished, {runs['stopped']} out of time)"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--people", type=click.IntRange(1, 50), default=PEOPLE, show_default=True)
@click.option("--edits", "count", type=click.IntRange(1), default=EDITS, show_default=True)
@click.option("--pace", default=10.0, show_default=True, help="Mean pause of a person, in seconds.")
@click.option("--run/--no-run", default=True, help="Whether runs are on meanwhile.")
@click.option("--apart", is_flag=True, help="Let all browsers give way to the first (Linux).")
def cli(people: int, count: int, pace: float, run: bool, apart: bool) -> None:
    """Let many people edit at once. Exit code 1 if anyone saw what was not theirs."""
    if apart and sys.platform != "linux":
        raise click.UsageError("--apart needs Linux, whose scheduler lets a browser give way")
    crowd = [person(number) for number in range(people)]
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {HOME: folder, DEMO: "1"}):
        home = Path(folder)
        runs = runs_are_on() if run else nullcontext()
        with running_app(home) as address, runs as outcomes:
            aside = _write_aside(home) if apart else None
            asyncio.run(gather(address, crowd, count, pace, aside))
    took = [each for who in (crowd[:1] if apart else crowd) for each in who.took]
    odd = [f"person {who.number} saw {what}" for who in crowd for what in who.odd]
    click.echo(f"{people} people, {count} edits each, {_beside(outcomes)}, {cores()} cores")
    median, p95 = statistics.median(took), percentile(took, 95)
    whose = "of the first person, to whose browser the others give way" if apart else "of all"
    figures = f"median {median:,.0f}, p95 {p95:,.0f} (asked: {P95:,.0f})"
    click.echo(f"drop to new chart {whose}, ms: {figures}")
    click.echo(f"cross-talk: {len(odd)} of {people * count} edits")
    if odd:
        click.echo("\n".join(odd), err=True)
        sys.exit(1)


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks.crowd")
