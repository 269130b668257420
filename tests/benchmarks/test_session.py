"""A session without a browser is, to the server, what a tab of Chromium is."""

from __future__ import annotations

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from playwright.async_api import async_playwright, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import ClientConnection

from core.schedule import edits
from tests.benchmarks.crowd import person
from tests.benchmarks.visitors import AtBrowser, WithoutBrowser
from tests.browser.needed import need
from tests.browser.server import CHROMIUM, FLAGS, running_app

pytestmark = pytest.mark.thorough

DRAGS = (("stage3", 3), ("stage3", 9), ("stage4", 5), ("stage3", 3))


async def chromium_sends(address: str) -> list[bytes]:
    """The messages of the drags, made in a Chromium."""
    sent: list[bytes] = []

    def keep(event: dict[str, Any]) -> None:
        sent.append(base64.b64decode(event["response"]["payloadData"]))

    schedule = person(1).schedule
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        async with AtBrowser.visit(browser, address, schedule) as visitor:
            tab = await visitor.page.context.new_cdp_session(visitor.page)
            tab.on("Network.webSocketFrameSent", keep)
            await tab.send("Network.enable")
            for group, epoch in DRAGS:
                await expect(visitor.page.get_by_test_id("stSkeleton")).to_have_count(0)
                await visitor.drag(group, epoch)
                schedule = edits.set_windows(schedule, {group: [[epoch, None]]})
                assert await visitor.odd(schedule) == []
            assert len(await visitor.odd(person(2).schedule)) == 2  # the name, and the thaws
        await browser.close()
    return sent


async def session_sends(address: str) -> list[bytes]:
    """The messages of the drags, made without a browser."""
    sent: list[bytes] = []
    send = ClientConnection.send

    async def keep(connection: ClientConnection, message: bytes) -> None:
        sent.append(message)
        await send(connection, message)

    schedule = person(1).schedule
    async with WithoutBrowser.visit(address, schedule) as visitor:
        with patch.object(ClientConnection, "send", keep):
            for group, epoch in DRAGS:
                await visitor.drag(group, epoch)
                schedule = edits.set_windows(schedule, {group: [[epoch, None]]})
                assert await visitor.odd(schedule) == []
        assert len(await visitor.odd(person(2).schedule)) == 4  # and the chart, and the draft
    return sent


def as_asked(message: bytes) -> BackMsg:
    """A message without its order of widgets, and without where and in which language it is."""
    read = BackMsg.FromString(message)
    read.rerun_script.ClearField("context_info")
    widgets = read.rerun_script.widget_states.widgets
    widgets.sort(key=lambda widget: widget.id)
    read.rerun_script.cached_message_hashes.sort()
    return read


@pytest.mark.browser
def test_it_sends_what_chromium_sends_at_a_drop(tmp_path: Path) -> None:
    need(CHROMIUM)
    # a thread of its own, since another test's browser may have left its event loop in this one
    with running_app(tmp_path, THAW_DEMO="1") as address, ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(asyncio.run, chromium_sends(address)).result()
        ours = pool.submit(asyncio.run, session_sends(address)).result()
    assert [as_asked(each) for each in ours] == [as_asked(each) for each in theirs]
    assert len(ours) == len(DRAGS)
