"""What the server's own configuration keeps from strangers, asked of a real server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.sync.client import connect

ROOT = Path(__file__).parents[2]
SECRET = "the words of an exception"
PATIENCE = 60.0


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
