"""Many people who design at once: python -m tests.benchmarks.crowd.

Starts the app as a hosted demo, trains in it, one run after the other, and opens so many sessions.
Each has a schedule of its own and, once all are there, drags a window of it, again and again.
Printed are how long a drop takes to reach the chart, and how often anyone saw something that was
not theirs: after every edit the page is compared with what this person did, and at the end the
exported schedule. Timings hold for an otherwise idle machine only.

The browsers share it with the server, which no server's visitors do, and draw without a GPU. With
--browsers 1 only the first person sits at one; the others are sessions without a browser, whose
edits the server answers as it does anyone's, and nobody draws.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from unittest.mock import patch

import click
from playwright.async_api import async_playwright

from core import presets
from core.demo import limits
from core.files.home import DEMO, HOME
from core.runs import run_folder
from core.runs.processes import launch, run_lock
from core.schedule import edits
from core.schedule.spec import Schedule
from tests.benchmarks.designer import percentile
from tests.benchmarks.measure import cores
from tests.benchmarks.visitors import AtBrowser, Visitor, WithoutBrowser
from tests.browser.server import CHROMIUM, FLAGS, running_app

PEOPLE, EDITS = 10, 50
P95 = 500.0
"""Milliseconds in which 95 of 100 edits should be on the screen while a run is on."""

_DRAGGED = ("stage2", "stage3", "stage4", "conv_head")


@dataclass(slots=True)
class Person:
    """The schedule that somebody should see, what the edits took (ms), and what was odd by edit."""

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


async def work(visitor: Visitor, who: Person, count: int, pace: float) -> None:
    """All edits of one person."""
    random = Random(who.number)
    for _ in range(count):
        await asyncio.sleep(random.uniform(0.5, 1.5) * pace)
        ((now, _),) = who.schedule.group(who.dragged).trainable
        epoch = random.choice([each for each in range(1, 17) if each != now])
        who.took.append(await visitor.drag(who.dragged, epoch))
        who.schedule = edits.set_windows(who.schedule, {who.dragged: [[epoch, None]]})
        if odd := await visitor.odd(who.schedule):
            who.odd.append("; ".join(odd))


async def compare_export(visitor: Visitor, who: Person) -> None:
    """Compare the exported schedule, the last that a person does."""
    if await visitor.exported() != who.schedule:
        who.odd.append("an exported schedule")


async def gather(
    address: str, people: list[Person], browsers: int, count: int, pace: float
) -> None:
    """Let everybody work at once, from when the last has come until the last is done.

    So many of the first people have a browser.
    """
    async with async_playwright() as playwright, AsyncExitStack() as opened:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        opened.push_async_callback(browser.close)
        visits = [
            *(AtBrowser.visit(browser, address, who.schedule) for who in people[:browsers]),
            *(WithoutBrowser.visit(address, who.schedule) for who in people[browsers:]),
        ]
        visitors = await asyncio.gather(*(opened.enter_async_context(each) for each in visits))
        both = list(zip(visitors, people, strict=True))
        await asyncio.gather(*(work(visitor, who, count, pace) for visitor, who in both))
        await asyncio.gather(*(compare_export(visitor, who) for visitor, who in both))


@contextmanager
def runs_are_on() -> Iterator[Counter[str]]:
    """Runs of the bundled model, one after the other, each as a visitor begins it.

    Yields how many have ended how: "finished", or "stopped" where the demo's time for a run was
    over, since the browsers need the same cores. RuntimeError at the end if one ended otherwise.
    """
    root, ended, outcomes = launch.runs_folder(), threading.Event(), Counter[str]()

    def start() -> Path:
        return root / launch.start(limits.first_schedule(), limits.first_settings(), root)

    def go_on(folder: Path) -> None:
        while True:
            while run_lock.is_alive(folder) and not ended.wait(0.1):
                pass
            if ended.is_set():
                launch.force_stop(folder)
                return
            if (found := run_folder.status(folder)) not in ("finished", "stopped"):
                raise RuntimeError(f"a run is {found}: {run_folder.end_of_log(folder)}")
            outcomes[found] += 1
            folder = start()

    with ThreadPoolExecutor(1) as pool:
        runs = pool.submit(go_on, start())
        try:
            yield outcomes
        finally:
            ended.set()
            runs.result()


def _beside(runs: Counter[str] | None) -> str:
    if runs is None:
        return "without a run"
    return f"beside runs ({runs['finished']} finished, {runs['stopped']} out of time)"


def _times(people: list[Person]) -> str:
    took = [each for who in people for each in who.took]
    return f"median {statistics.median(took):,.0f}, p95 {percentile(took, 95):,.0f}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--people", type=click.IntRange(1, 50), default=PEOPLE, show_default=True)
@click.option("--edits", "count", type=click.IntRange(1), default=EDITS, show_default=True)
@click.option("--pace", default=10.0, show_default=True, help="Mean pause of a person, in seconds.")
@click.option("--run/--no-run", default=True, help="Whether runs are on meanwhile.")
@click.option("--browsers", type=click.IntRange(1), help="People at a browser.  [default: all]")
def cli(people: int, count: int, pace: float, run: bool, browsers: int | None) -> None:
    """Let many people edit at once. Exit code 1 if anyone saw what was not theirs."""
    browsers = people if browsers is None else min(browsers, people)
    crowd = [person(number) for number in range(people)]
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {HOME: folder, DEMO: "1"}):
        runs = runs_are_on() if run else nullcontext()
        with running_app(Path(folder)) as address, runs as outcomes:
            asyncio.run(gather(address, crowd, browsers, count, pace))
    odd = [f"person {who.number} saw {what}" for who in crowd for what in who.odd]
    click.echo(f"{people} people, {count} edits each, {_beside(outcomes)}, {cores()} cores")
    whose = "all" if browsers == people else f"the {browsers} at a browser"
    click.echo(f"drop to new chart of {whose}, ms: {_times(crowd[:browsers])} (asked: {P95:,.0f})")
    if browsers < people:
        whose = f"the {people - browsers} without a browser"
        click.echo(f"edit to the end of the script of {whose}, ms: {_times(crowd[browsers:])}")
    click.echo(f"cross-talk: {len(odd)} of {people * count} edits")
    if odd:
        click.echo("\n".join(odd), err=True)
        sys.exit(1)


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks.crowd")
