"""Weights that were downloaded are found where torch and Hugging Face keep them."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import torch

from core.models import catalogue
from core.runs.weight_downloads import Downloaded, downloaded, is_reachable


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("TORCH_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_downloads_only_what_comes_with_a_package_is_here() -> None:
    here = downloaded()
    assert [
        (name, weights.name)
        for name, entry in catalogue.entries().items()
        for weights in entry.weights
        if here.has(weights)
    ] == [("timm/tf_efficientnet_lite0", "bundled")]


def test_a_file_of_torchs_hub_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    (best, *_) = catalogue.entries()["torchvision/resnet18"].weights
    file = Path(torch.hub.get_dir()) / "checkpoints" / str(best.file)
    file.parent.mkdir(parents=True)
    assert not downloaded().has(best)
    file.touch()
    assert downloaded().has(best)


def test_a_repository_of_the_hub_is_here_once_its_file_is(home: Path) -> None:
    (best, *_) = catalogue.entries()["timm/resnet18"].weights
    hub = home / "huggingface" / "hub"
    snapshot = hub / f"models--{str(best.repository).replace('/', '--')}" / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    assert not downloaded().has(best)
    file = snapshot / "model.safetensors"
    file.touch()
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("main")
    found = huggingface_hub.try_to_load_from_cache(str(best.repository), file.name, cache_dir=hub)
    assert Path(str(found)) == file
    assert downloaded().has(best)


@pytest.fixture
def refuses() -> Iterator[str]:
    """The address of a server that answers each request with an error."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_that_refuses_does_answer(refuses: str) -> None:
    assert is_reachable(refuses, 5.0)
    assert not is_reachable("http://127.0.0.1:9", 5.0)
    assert not is_reachable("an-address-without-a-scheme", 5.0)


def test_where_there_is_no_home_folder_nothing_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", "~no-such-user/torch")
    monkeypatch.setenv("HF_HOME", "~no-such-user/hub")
    assert downloaded() == Downloaded(frozenset(), frozenset())
