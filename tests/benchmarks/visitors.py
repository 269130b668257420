"""Visitors of the Design page: at a browser, or sessions without one, which edit and look alike."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
from playwright.async_api import Browser, Page

from core.schedule import link
from core.schedule.parse import parse
from core.schedule.spec import Schedule
from tests.benchmarks.designer import WATCH
from tests.benchmarks.session import Session
from tests.browser.driving import WIDE

_PATIENCE_MS = 180_000

_READ = """
handles => handles.map((handle) => {
  const { left, top, width, height } = handle.getBoundingClientRect();
  const [name, at] = ["label", "valuenow"].map((key) => handle.getAttribute(`aria-${key}`));
  return [name, at, left + width / 2, top + height / 2];
})
"""


class Visitor(Protocol):
    """Somebody on the Design page."""

    async def drag(self, group: str, epoch: int) -> float:
        """Drag the thaw of a group's one window to an epoch; how long that took, in ms."""

    async def odd(self, schedule: Schedule) -> list[str]:
        """What the page shows that is not of that schedule."""

    async def exported(self) -> Schedule:
        """What the Export page gives: the last that a visitor does."""


class _Handle(NamedTuple):
    """Where a handle stands: its epoch as it is written, and its middle on the screen."""

    at: str
    x: float
    y: float


class AtBrowser:
    """A visitor at a real browser, for whom a drag takes until the chart that shows it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    @asynccontextmanager
    async def visit(
        cls, browser: Browser, address: str, schedule: Schedule
    ) -> AsyncIterator[AtBrowser]:
        """Open the schedule in a context of its own."""
        context = await browser.new_context(viewport=WIDE, accept_downloads=True)
        page = await context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        await page.goto(f"{address}/?{_query(schedule)}")
        await page.wait_for_selector(".stVegaLiteChart svg.marks")
        visitor = cls(page)
        await visitor._settled()
        await page.evaluate(WATCH)
        yield visitor
        await context.close()

    async def drag(self, group: str, epoch: int) -> float:
        """Drag with the mouse; ms from the drop to the new chart."""
        page, handles = self.page, await self._handles()
        left, right = handles["head thaws"], handles["stem thaws"]  # at the ends of the axis
        _, x, y = handles[f"{group} thaws"]
        target = left.x + (right.x - left.x) * epoch / int(right.at)
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move((x + target) / 2, y)
        await page.mouse.move(target, y)
        await page.mouse.up()
        await page.wait_for_function("bench.painted > 0", polling=20)
        took: float = await page.evaluate("bench.painted - bench.dropped")
        return took

    async def odd(self, schedule: Schedule) -> list[str]:
        """Compare the title and all handles."""
        await self._settled()
        handles = await self._handles()
        name = await self.page.locator("[class*=st-key-name] input").input_value()
        shown = {group.name: handles[f"{group.name} thaws"].at for group in schedule.groups}
        wanted = {
            group.name: str(group.trainable[0][0] if group.trainable else schedule.epochs)
            for group in schedule.groups
        }
        return [*_unlike("the name", name, schedule.name), *_unlike("thaws", shown, wanted)]

    async def exported(self) -> Schedule:
        """Download the schedule from the Export page."""
        await self.page.get_by_role("link", name="Export", exact=True).first.click()
        async with self.page.expect_download() as waiting:
            await self.page.get_by_role("button", name="Download").first.click()
        return parse(Path(await (await waiting.value).path()).read_bytes())

    async def _handles(self) -> dict[str, _Handle]:
        """All handles of the timeline by name, with one look: each takes the page's time too."""
        found = await self.page.locator(".thaw [role=slider]").evaluate_all(_READ)
        return {name: _Handle(*read) for name, *read in found}

    async def _settled(self) -> None:
        await self.page.wait_for_selector('[data-test-script-state="notRunning"]')


class WithoutBrowser:
    """A visitor whose browser's work nobody does: a drag takes until the end of the script."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def visit(cls, address: str, schedule: Schedule) -> AsyncIterator[WithoutBrowser]:
        """Open the schedule in a session of its own."""
        async with Session.opened(address, _query(schedule)) as session:
            yield cls(session)

    async def drag(self, group: str, epoch: int) -> float:
        """Send what the timeline sends at a drop; ms until the server has answered all of it."""
        shown, selected = self._timeline(), {"group": group, "window": 0}
        event = {
            "kind": "groups",
            "after": {group: {"trainable": [[epoch, None]]}},
            "before": {group: {"trainable": _windows(shown)[group]}},
            "seq": shown["ack"] + 1,
            "view": {} if shown["view"]["selected"] == selected else {"selected": selected},
        }
        sent = time.perf_counter()
        await self._session.tell("thaw_timeline", event)
        return (time.perf_counter() - sent) * 1e3

    async def odd(self, schedule: Schedule) -> list[str]:
        """Compare the title, all windows, the chart and the draft, which is the whole schedule."""
        shown, find = self._timeline(), self._session.find
        field = find("text_input", lambda each: each.label == "Name")
        name = field.value if field.set_value else field.default
        windows = {
            group.name: [list(window) for window in group.trainable] for group in schedule.groups
        }
        draft = json.loads(find("bidi_component", lambda each: "-edits-" in each.id).json)["draft"]
        return [
            *_unlike("the name", name, schedule.name),
            *_unlike("windows", (shown["epochs"], _windows(shown)), (schedule.epochs, windows)),
            *_unlike("the chart", self._chart(), _of_chart(schedule)),
            *(["another draft"] if link.decode(draft.partition(".")[2]) != schedule else []),
            *([] if self._session.is_new("vega_lite_chart") else ["no new chart"]),
        ]

    async def exported(self) -> Schedule:
        """Download the schedule from the Export page."""
        await self._session.go_to("Export")
        return parse(await self._session.download("Download JSON"))

    def _timeline(self) -> dict[str, Any]:
        """What the timeline was sent last."""
        shown = self._session.find(
            "bidi_component", lambda each: each.component_name == "thaw_timeline"
        )
        return dict(json.loads(shown.json))

    def _chart(self) -> tuple[float, Mapping[str, float]]:
        """The last epoch of the rate chart, and where a dot in it says that a group thaws."""
        datasets = {
            each.name: pa.ipc.open_stream(each.data.data).read_all().to_pydict()
            for each in self._session.find("vega_lite_chart").datasets
            if each.name in ("lines", "thaws")
        }
        thaws = zip(datasets["thaws"]["group"], datasets["thaws"]["x"], strict=True)
        return max(datasets["lines"]["x"]), dict(thaws)


def _query(schedule: Schedule) -> str:
    return f"{link.PARAMETER}={link.encode(schedule)}"


def _windows(shown: Mapping[str, Any]) -> dict[str, list[list[int | None]]]:
    """Each group's windows as the timeline was sent them."""
    return {group["name"]: group["windows"] for group in shown["groups"]}


def _of_chart(schedule: Schedule) -> tuple[float, Mapping[str, float]]:
    """What the chart of a schedule should be."""
    starts = {group.name: group.trainable[0][0] for group in schedule.groups if group.trainable}
    return schedule.epochs, {name: epoch for name, epoch in starts.items() if epoch > 0}


def _unlike(what: str, shown: object, wanted: object) -> Sequence[str]:
    return () if shown == wanted else (f"{what}: {shown}, not {wanted}",)
