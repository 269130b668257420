"""What the server keeps from strangers, and how much of it they may take, asked of a real one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core.demo.limits import LIMITS
from tests.browser.server import DIRECTLY, running_app

ROOT = Path(__file__).parents[2]
SECRET = "the words of an exception"
PATIENCE = 60.0
OLD = Path("demo") / "runs" / "old"
"""What a stranger left long ago."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a script that fails, served from this folder as app.py is."""
    script = tmp_path_factory.mktemp("script") / "fails.py"
    script.write_text(f"raise ValueError({SECRET!r})", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless=true"]
    # what the person's own environment opens is not the configuration's
    env = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([*command, f"--server.port={number}"], cwd=ROOT, env=env, **quiet)
    end = time.monotonic() + PATIENCE
    while not answers("127.0.0.1", number):
        assert server.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    yield number
    server.terminate()
    server.wait(PATIENCE)


def answers(address: str, port: int) -> bool:
    with socket.socket() as stranger:
        stranger.settimeout(5.0)
        return stranger.connect_ex((address, port)) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_no_other_address_of_this_machine_answers(port: int):
    assert not answers("127.0.0.2", port)


def test_what_an_exception_says_does_not_reach_the_browser(port: int):
    received = b""
    with connect(f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"]) as page:
        page.send(BackMsg(rerun_script={}).SerializeToString())
        while b"exception" not in received.lower() and b"error" not in received.lower():
            received += page.recv(PATIENCE, decode=False)
    assert SECRET.encode() not in received
    assert b"ValueError" not in received


@dataclass(frozen=True)
class Visitor:
    """A session of the hosted demo, as a script may hold one."""

    address: str
    session: str
    near: str

    def put(self, file: str, content: bytes = b"zip") -> int:
        """The status of an upload that no page has asked for."""
        edge = b"--edge"
        body = b"\r\n".join(
            (edge, b'Content-Disposition: form-data; name="f"; filename="f.zip"', b"", content)
        )
        return self._send("PUT", file, body + b"\r\n" + edge + b"--\r\n")

    def delete(self, file: str) -> int:
        return self._send("DELETE", file)

    def _send(self, method: str, file: str, body: bytes | None = None) -> int:
        with DIRECTLY.open(f"{self.address}/_stcore/health") as answer:
            cookie = answer.headers["Set-Cookie"].split(";")[0]
        request = urllib.request.Request(
            f"{self.address}/_stcore/upload_file/{self.session}/{file}",
            body,
            {
                "Cookie": cookie,
                "X-Forwarded-For": self.near,
                "X-Xsrftoken": cookie.partition("=")[2],
                "Content-Type": "multipart/form-data; boundary=edge",
            },
            method=method,
        )
        return status(request)


def status(request: urllib.request.Request) -> int:
    try:
        with DIRECTLY.open(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def connected(address: str, near: str) -> ClientConnection:
    """A page's connection from the network address `near`, as a proxy on this machine tells it."""
    return connect(
        address.replace("http:", "ws:") + "/_stcore/stream",
        subprotocols=["streamlit"],
        max_size=None,
        ping_interval=None,
        additional_headers={"X-Forwarded-For": near},
    )


@contextmanager
def visit(address: str, near: str = "10.0.0.1") -> Iterator[Visitor]:
    with connected(address, near) as page:
        page.send(BackMsg(rerun_script={}).SerializeToString())
        session = received(page, "new_session").new_session.initialize.session_id
        received(page, "script_finished")
        yield Visitor(address, session, near)


def received(page: ClientConnection, kind: str) -> ForwardMsg:
    while True:
        message = ForwardMsg.FromString(page.recv(PATIENCE, decode=False))
        if message.WhichOneof("type") == kind:
            return message


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("demo")
    (home / OLD).mkdir(parents=True)
    os.utime(home / OLD, (0, 0))
    with running_app(home, THAW_DEMO="1") as address:
        wait_until(lambda: not (home / OLD).exists())  # though nobody has visited
        yield address


def wait_until(so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_no_other_site_may_show_a_page_within_its_own(demo: str) -> None:
    with DIRECTLY.open(demo) as answer:
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"


def test_a_page_has_its_first_style_and_a_file_is_left_as_it_is(demo: str) -> None:
    def got(path: str) -> bytes:
        asked = urllib.request.Request(f"{demo}{path}", headers={"Accept": "text/html"})
        with DIRECTLY.open(asked) as answer:
            content: bytes = answer.read()
        return content

    assert b".stMainBlockContainer { padding" in got("/run")
    assert b".stMainBlockContainer { padding" not in got("/index.html")


def listens(process: psutil.Process) -> set[int]:
    """The ports on which a process waits for connections."""
    try:
        found = process.net_connections()
    except psutil.Error:  # it has come to its end
        return set()
    return {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}


@pytest.mark.thorough
def test_uploads_that_no_page_has_asked_for_fill_no_memory(demo: str) -> None:
    port = int(demo.rpartition(":")[2])
    server = next(child for child in psutil.Process().children() if port in listens(child))
    largest = bytes(20_000_000)
    with ExitStack() as stack:
        near = ["10.0.0.1"] * 3 + ["10.0.0.2"] * 3 + ["10.0.0.3"]
        visitors = [stack.enter_context(visit(demo, each)) for each in near]
        before = server.memory_info().rss
        answers = [
            [visitor.put(str(number), largest) for number in range(3)] for visitor in visitors
        ]
        one_address = [[204, 204, 429], [204, 204, 429], [204, 503, 503]]
        assert answers == [*one_address, *one_address, [503] * 3]
        assert sum(answer.count(204) for answer in answers) == LIMITS.held_uploads
        held = LIMITS.held_uploads * len(largest)
        assert server.memory_info().rss - before < 1.5 * held
        assert visitors[0].delete("0") == 204
        assert visitors[-1].put("again") == 204
    # what a visitor has left is given back with the session
    with visit(demo) as late:
        wait_until(lambda: late.put("late") == 204)


def test_more_visitors_than_there_is_room_for_are_asked_to_come_again(demo: str) -> None:
    def page(near: str) -> int:
        headers = {"Accept": "text/html", "X-Forwarded-For": near}
        return status(urllib.request.Request(demo, headers=headers))

    with ExitStack() as stack:
        for near in ("10.0.0.1", "10.0.0.2"):
            assert page(near) == 200
            for _ in range(LIMITS.visitors // 2):
                stack.enter_context(connected(demo, near))
            with pytest.raises(InvalidStatus), visit(demo, near):
                pass
            assert page(near) == 503
        with pytest.raises(InvalidStatus), visit(demo, "10.0.0.3"):
            pass
        assert page("10.0.0.3") == 503
    wait_until(lambda: page("10.0.0.1") == 200)
