"""The server's middleware: framing, the first stylesheet, and a demo's visitors and uploads.

Streamlit keeps an upload in memory until its visitor has gone, and takes one from any script that
speaks its protocol, whether a page asks for it or not. So the demo counts them before it reads.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.data import uploads
from core.demo.cleanup import CleanupThread
from core.demo.limits import LIMITS, DemoLimits
from core.errors import InputError
from core.files.home import is_demo
from core.runs.processes import launch
from pages.components.shared.page_head import PageHead, asks_for_a_page

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)/?$")
_FULL = "The hosted demo is full now. Try again in a few minutes."
_MANY_UPLOADS = "The hosted demo holds as many uploads as it can. Try again in a few minutes."
_OWN_UPLOADS = "Another upload of yours is not unpacked yet. Try again when it is."
_SLOW = "The upload took too long."


class Framing:
    """Middleware that forbids other sites to frame the pages, where clicks could be hijacked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with a Content-Security-Policy."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Content-Security-Policy", "frame-ancestors 'self'")
            await send(message)

        await self._app(scope, receive, answer)


@dataclass(slots=True)
class _Held:
    """An upload from a network address; `since` is when it came, in monotonic seconds, or None."""

    address: str
    since: float | None = None


class Visitors:
    """Middleware that refuses, in the demo, pages and uploads beyond its limits."""

    def __init__(self, app: ASGIApp, limits: DemoLimits = LIMITS) -> None:
        self._app = app
        self._limits = limits
        self._pages: Counter[str] = Counter()
        self._uploads: dict[tuple[str, str], _Held] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, or refuse with a status code."""
        if not is_demo() or scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._page(scope, receive, send)
        elif scope["method"] == "PUT" and (upload := _UPLOAD.search(scope["path"])):
            await self._upload((upload[1], upload[2]), scope, receive, send)
        elif asks_for_a_page(scope) and self._is_full(_address(scope)):
            await PlainTextResponse(_FULL, 503)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = _address(scope)
        if self._is_full(address):
            await send({"type": "websocket.close", "code": 1013, "reason": _FULL})
            return
        self._pages[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._pages[address] -= 1
            self._pages += Counter()  # without those that have none
            self._forget()

    def _is_full(self, address: str) -> bool:
        most = self._limits.visitors
        return self._pages.total() >= most or self._pages[address] >= most * self._limits.share

    async def _upload(
        self, key: tuple[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._forget()
        address, most = _address(scope), self._limits.held_uploads
        own = sum(session == key[0] for session, _ in self._uploads)
        near = sum(held.address == address for held in self._uploads.values())
        if key in self._uploads or own >= self._limits.visitor_uploads:
            await _refuse(_OWN_UPLOADS, 429, scope, receive, send)
        elif len(self._uploads) >= most or near >= most * self._limits.share:
            await _refuse(_MANY_UPLOADS, 503, scope, receive, send)
        else:
            held = self._uploads[key] = _Held(address)
            try:
                async with asyncio.timeout(self._limits.upload_hold_seconds):
                    await self._app(scope, receive, send)
            except TimeoutError:
                await PlainTextResponse(_SLOW, 408)(scope, receive, send)
            finally:
                held.since = time.monotonic()

    def _forget(self) -> None:
        """Forget uploads that were given back, and give back those of absent or slow visitors."""
        manager, is_there = _in_memory(), st.runtime.get_instance().is_active_session
        now = time.monotonic()
        for (session, file), held in list(self._uploads.items()):
            if held.since is None:
                continue
            # a connection may drop for a moment
            limits = self._limits
            lasts = (
                limits.upload_hold_seconds if is_there(session) else limits.ticket_timeout_seconds
            )
            if now - held.since > lasts:
                manager.remove_file(session, file)
            if not manager.get_files(session, [file]):
                del self._uploads[session, file]


async def _refuse(why: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse an upload at its end, keeping nothing of it: a browser reads no answer before that."""
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse(why, status)(scope, receive, send)


def give_back(file_id: str) -> None:
    """Let the server forget an upload of this session, once it is unpacked."""
    context = get_script_run_ctx()
    if context is not None and st.runtime.exists():
        _in_memory().remove_file(context.session_id, file_id)


def _in_memory() -> MemoryUploadedFileManager:
    """Return where Streamlit keeps uploads."""
    return cast(MemoryUploadedFileManager, st.runtime.get_instance().uploaded_file_mgr)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Run the demo's cleanup while the server lives."""
    with ExitStack() as stack:
        with suppress(InputError):  # a home folder that is none, which the Run page tells
            if is_demo():
                stack.callback(CleanupThread(launch.runs_folder(), uploads.folder()).end)
        yield


def _address(scope: Scope) -> str:
    """Return the network address that a request comes from; see FORWARDED_ALLOW_IPS for proxies."""
    client = scope.get("client")
    return str(client[0]) if client else ""


MIDDLEWARE = (Middleware(Framing), Middleware(Visitors), Middleware(PageHead))
