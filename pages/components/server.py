"""The server around the pages: who may frame them, and how many visitors and uploads a demo holds.

Streamlit keeps an upload in memory until its visitor has gone, and takes one from any script that
speaks its protocol, whether a page asks for it or not. So the demo counts them before it reads.
"""

from __future__ import annotations

import asyncio
import re
import time
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
from core.errors import InputError
from core.files.home import is_demo
from core.runs import launch
from core.runs.demo import LIMITS, Limits
from core.runs.sweep import Sweeper

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)/?$")
_FULL = "The hosted demo is full now. Try again in a few minutes."
_MANY_UPLOADS = "The hosted demo holds as many uploads as it can. Try again in a few minutes."
_OWN_UPLOADS = "Another upload of yours is not unpacked yet. Try again when it is."
_SLOW = "The upload took too long."


class Framing:
    """Lets no page of another site show this one within it, where clicks could be guided."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, with one header more."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("Content-Security-Policy", "frame-ancestors 'self'")
            await send(message)

        await self._app(scope, receive, answer)


@dataclass(slots=True)
class _Held:
    """An upload that is in memory, or arrives: since when, in monotonic seconds."""

    since: float
    arrives: bool = True


class Visitors:
    """Refuses, in the demo, more open pages and more uploads in memory than there is room for."""

    def __init__(self, app: ASGIApp, limits: Limits = LIMITS) -> None:
        self._app = app
        self._limits = limits
        self._open = 0
        self._uploads: dict[tuple[str, str], _Held] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, or with a status code that says what there is no room for."""
        if not is_demo() or scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._page(scope, receive, send)
        elif scope["method"] == "PUT" and (upload := _UPLOAD.search(scope["path"])):
            await self._upload((upload[1], upload[2]), scope, receive, send)
        elif self._open >= self._limits.visitors and _asks_for_a_page(scope):
            await PlainTextResponse(_FULL, 503)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._open >= self._limits.visitors:
            await send({"type": "websocket.close", "code": 1013, "reason": _FULL})
            return
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1
            self._forget()

    async def _upload(
        self, key: tuple[str, str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._forget()
        own = sum(session == key[0] for session, _ in self._uploads)
        if key in self._uploads or own >= self._limits.visitor_uploads:
            await _refuse(_OWN_UPLOADS, 429, scope, receive, send)
        elif len(self._uploads) >= self._limits.held_uploads:
            await _refuse(_MANY_UPLOADS, 503, scope, receive, send)
        else:
            held = self._uploads[key] = _Held(time.monotonic())
            try:
                async with asyncio.timeout(self._limits.held):
                    await self._app(scope, receive, send)
            except TimeoutError:
                await PlainTextResponse(_SLOW, 408)(scope, receive, send)
            finally:
                held.arrives = False

    def _forget(self) -> None:
        """Forget uploads that are given back, and give back those of who has gone or waits long."""
        manager, is_there = _in_memory(), st.runtime.get_instance().is_active_session
        oldest = time.monotonic() - self._limits.held
        for (session, file), held in list(self._uploads.items()):
            if held.arrives:
                continue
            if held.since < oldest or not is_there(session):
                manager.remove_file(session, file)
            if not manager.get_files(session, [file]):
                del self._uploads[session, file]


async def _refuse(why: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse an upload, of which nothing is kept, at its end: a browser reads no answer before."""
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse(why, status)(scope, receive, send)


def give_back(file_id: str) -> None:
    """Let the server forget an upload of this session, once it is unpacked."""
    context = get_script_run_ctx()
    if context is not None and st.runtime.exists():
        _in_memory().remove_file(context.session_id, file_id)


def _in_memory() -> MemoryUploadedFileManager:
    """Where Streamlit keeps uploads."""
    return cast(MemoryUploadedFileManager, st.runtime.get_instance().uploaded_file_mgr)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """In the demo, what strangers leave is deleted in time for as long as the server lives."""
    with ExitStack() as stack:
        with suppress(InputError):  # a home folder that is none, which the Run page tells
            if is_demo():
                stack.callback(Sweeper(launch.root(), uploads.folder()).end)
        yield


def _asks_for_a_page(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


MIDDLEWARE = (Middleware(Framing), Middleware(Visitors))
