"""A session of the app without a browser: to the server it is a tab, but nothing is drawn.

What is sent is what Chromium sends for Streamlit 1.67 (at a drag, `test_session` compares the two):
the first run with the page's query, for every event of a component a run of its fragment with the
values of all widgets, and each time the hashes of the large messages that it still has, which the
server then only refers to.

A browser also fetches the page's own scripts, styles and fonts when it comes, and has a cookie
against forged requests, which the server wants of those who log in only.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from streamlit.proto.BackMsg_pb2 import (
    BackendOperationRequest,
    BackMsg,
    DeferredFileRequestPayload,
)
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.Common_pb2 import StringArray
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NumberInput_pb2 import NumberInput
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

_PATIENCE_S = 180.0
_DESKTOP = "Mozilla/5.0 (X11; Linux x86_64)"
"""A browser that is not a phone's, to which the app would show another page."""

Place = tuple[int, ...]
"""Where an element stands: the index of its block in each block around it, and its own."""


@dataclass(slots=True)
class _Shown:
    """An element of the page, the fragment that drew it ("" for none), and in which run."""

    element: Element
    fragment: str
    run: int


@dataclass(slots=True)
class _Kept:
    """A large message, the fragment that it is of, and the run in which it was kept or used."""

    message: ForwardMsg
    fragment: str
    run: int


class Session:
    """A tab's end of the connection: what it shows, and what it tells the server."""

    def __init__(self, connection: ClientConnection, address: str) -> None:
        self._connection = connection
        self._address = address
        self._shown: dict[Place, _Shown] = {}
        self._popovers: set[Place] = set()
        self._states: dict[str, WidgetState] = {}
        self._kept: dict[str, _Kept] = {}
        self._kept_for = 0
        self._run, self._finished = 0, 0
        self._id, self._page, self._pages = "", "", dict[str, str]()

    @classmethod
    @asynccontextmanager
    async def opened(cls, address: str, query: str) -> AsyncIterator[Session]:
        """A session that has opened the app with that query, such as `s=...`."""
        async with connect(
            f"{address.replace('http', 'ws', 1)}/_stcore/stream",
            origin=Origin(address),
            subprotocols=[Subprotocol("streamlit")],
            user_agent_header=_DESKTOP,
            max_size=None,
            ping_interval=None,
            proxy=None,
        ) as connection:
            session = cls(connection, address)
            await session._rerun(ClientState(query_string=query))
            yield session

    def find(self, kind: str, named: Callable[[Any], bool] = lambda _: True) -> Any:
        """The one element of a kind, such as "text_input"; LookupError if there is not just one."""
        return getattr(self._find(kind, named).element, kind)

    def is_new(self, kind: str) -> bool:
        """Whether the one element of a kind has come with the last run."""
        return self._find(kind).run == self._run

    async def tell(self, component: str, event: object) -> None:
        """Send an event of a component of ours, and wait for the end of the script."""
        shown = self._find("bidi_component", lambda each: each.component_name == component)
        told = json.dumps([{"event": "event", "value": event}], separators=(",", ":"))
        name = f"$$STREAMLIT_INTERNAL_KEY_{shown.element.bidi_component.id}__events"
        trigger = WidgetState(id=name, json_trigger_value=told)
        widgets = WidgetStates(widgets=[*self._states.values(), trigger])
        await self._rerun(ClientState(fragment_id=shown.fragment, widget_states=widgets))

    async def go_to(self, page: str) -> None:
        """Follow the navigation to a page, and wait for the end of the script."""
        self._page = self._pages[page]
        self._shown.clear()
        self._states.clear()
        await self._rerun(ClientState())

    async def download(self, label: str) -> bytes:
        """What the download button with that label gives, which is made when it is pressed."""
        button = self.find("download_button", lambda each: each.label == label)
        file = DeferredFileRequestPayload(file_id=button.deferred_file_id)
        request = BackendOperationRequest(
            request_id=file.file_id, session_id=self._id, deferred_file=file
        )
        await self._connection.send(BackMsg(backend_operation_request=request).SerializeToString())
        async with asyncio.timeout(_PATIENCE_S):
            while not (message := await self._receive()).HasField("backend_operation_response"):
                self._take(message)
        answer = message.backend_operation_response
        if answer.error_msg:
            raise RuntimeError(answer.error_msg)
        return await asyncio.to_thread(self._fetch, answer.deferred_file.url)

    def _fetch(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self._address}{path}", timeout=_PATIENCE_S) as answer:
            content: bytes = answer.read()
            return content

    def _find(self, kind: str, named: Callable[[Any], bool] = lambda _: True) -> _Shown:
        of_kind = [each for each in self._shown.values() if each.element.WhichOneof("type") == kind]
        found = [each for each in of_kind if named(getattr(each.element, kind))]
        if len(found) != 1:
            raise LookupError(f"the page has {len(found)} such elements of kind {kind}, not one")
        return found[0]

    async def _rerun(self, state: ClientState) -> None:
        """Ask for a run of the script, and take what comes until it has ended."""
        state.page_script_hash = self._page
        state.cached_message_hashes.extend(self._kept)
        state.widget_states.SetInParent()
        state.context_info.CopyFrom(
            ContextInfo(
                timezone="UTC",
                timezone_offset=0,
                locale="en-US",
                url=f"{self._address}/",
                is_embedded=False,
                color_scheme="light",
            )
        )
        await self._connection.send(BackMsg(rerun_script=state).SerializeToString())
        async with asyncio.timeout(_PATIENCE_S):
            while not self._take(await self._receive()):
                pass

    async def _receive(self) -> ForwardMsg:
        return ForwardMsg.FromString(await self._connection.recv(decode=False))

    def _take(self, message: ForwardMsg) -> bool:
        """Take up a message; gives whether the script has ended with it."""
        match message.WhichOneof("type"):
            case "new_session":
                self._run += 1
                self._id = message.new_session.initialize.session_id
                self._kept_for = message.new_session.config.max_cached_message_age
            case "navigation":
                self._page = message.navigation.page_script_hash
                pages = message.navigation.app_pages
                self._pages = {page.page_name: page.page_script_hash for page in pages}
            case "ref_hash":
                kept = self._kept[message.ref_hash]
                kept.run = self._finished
                self._draw(tuple(message.metadata.delta_path), kept.message)
            case "delta":
                if message.metadata.cacheable:
                    fragment = message.delta.fragment_id
                    new = _Kept(message, fragment, self._finished)
                    self._kept.setdefault(message.hash, new).run = self._finished
                self._draw(tuple(message.metadata.delta_path), message)
            case "script_finished":
                return self._end(message)
        return False

    def _draw(self, place: Place, message: ForwardMsg) -> None:
        """Put an element into its place; a block keeps what is in it until the end of the run."""
        if message.delta.WhichOneof("type") != "new_element":
            self._shown.pop(place, None)
            self._popovers.discard(place)
            if message.delta.add_block.WhichOneof("type") == "popover":
                self._popovers.add(place)
            return
        element = message.delta.new_element
        if element.WhichOneof("type") == "exception":
            raise RuntimeError(element.exception.message)
        for within in [each for each in self._shown if each[: len(place)] == place]:
            del self._shown[within]
        self._shown[place] = _Shown(element, message.delta.fragment_id, self._run)
        state = _state(element)
        new = state is not None and (state.id not in self._states or _widget(element).set_value)
        # a browser makes what is in a popover when that is opened
        if new and not any(place[: len(each)] == each for each in self._popovers):
            self._states[state.id] = state

    def _end(self, message: ForwardMsg) -> bool:
        """Drop what a run that has ended has not drawn again, and messages of the runs before."""
        status = message.script_finished
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return False
        if status not in (
            ForwardMsg.FINISHED_SUCCESSFULLY,
            ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
        ):
            raise RuntimeError(
                f"the script ended with {ForwardMsg.ScriptFinishedStatus.Name(status)}"
            )
        fragments = message.metadata.run.fragment_ids

        def is_of_run(fragment: str) -> bool:
            return not fragments or fragment in fragments

        self._finished += 1
        for place, shown in list(self._shown.items()):
            if is_of_run(shown.fragment) and shown.run != self._run:
                del self._shown[place]
        for name, kept in list(self._kept.items()):
            if is_of_run(kept.fragment) and self._finished - kept.run > self._kept_for:
                del self._kept[name]
        states = [_state(each.element) for each in self._shown.values()]
        active = {state.id for state in states if state is not None}
        self._states = {name: state for name, state in self._states.items() if name in active}
        return True


def _widget(element: Element) -> Any:
    return getattr(element, element.WhichOneof("type"))


def _state(element: Element) -> WidgetState | None:
    """The value with which a widget begins; None for an element that has none."""
    widget = _widget(element)
    match element.WhichOneof("type"):
        case "text_input":
            text = widget.value if widget.set_value else widget.default
            return WidgetState(id=widget.id, string_value=text)
        case "selectbox":
            chosen = widget.raw_value if widget.set_value else widget.options[widget.default]
            return WidgetState(id=widget.id, string_value=chosen)
        case "number_input":
            number = widget.value if widget.set_value else widget.default
            if widget.data_type == NumberInput.INT:
                return WidgetState(id=widget.id, int_value=int(number))
            return WidgetState(id=widget.id, double_value=number)
        case "button_group":
            first = [widget.options[at].content for at in widget.default]
            pressed = StringArray(data=widget.raw_values if widget.set_value else first)
            return WidgetState(id=widget.id, string_array_value=pressed)
        case "checkbox":
            ticked = widget.value if widget.set_value else widget.default
            return WidgetState(id=widget.id, bool_value=ticked)
    return None
