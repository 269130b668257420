"""The lifelines between the processes of a run."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from queue import Queue

import pytest

from core.errors import RunError
from core.runs.processes.lifeline import LifelineServer
from core.runs.processes.torchrun import Place

OTHER = """
import sys
from core.errors import RunError
from core.runs.processes.lifeline import LifelineClient
from core.runs.processes.torchrun import Place

class Store(dict):
    get = dict.__getitem__

place = Place(1, 2, 1, 2, sys.argv[1])
LifelineClient(place, Store({"thaw/lifeline": sys.argv[2]})).tell_error(RunError("no room"))
"""


class Store(dict[str, str]):
    set = dict.__setitem__


def other(address: str, key: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OTHER, address, key], stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_error_comes_through_though_a_stranger_says_nothing(address: str) -> None:
    store, errors = Store(), Queue[RunError]()
    LifelineServer(Place(0, 2, 0, 2, address), store, lambda: None, errors.put)
    key = store["thaw/lifeline"]
    try:
        stranger = socket.create_connection((address, json.loads(key)[0]))
    except OSError:
        pytest.skip(f"this machine does not have the address {address}")
    with stranger, other(address, key) as process:
        assert "no room" in str(errors.get(timeout=60))
        process.communicate()


def test_a_first_process_that_does_not_answer_is_an_error_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with other("127.0.0.1", json.dumps([port, "key"])) as process:
        _, said = process.communicate()
    assert f"RunError: process 0 does not answer at port {port} of 127.0.0.1" in said
