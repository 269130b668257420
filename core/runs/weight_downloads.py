"""Pretrained weights that torch and Hugging Face have downloaded, and their servers."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, build_opener

from core.models.catalogue import Weights

IN_A_SNAPSHOT = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The weights on this machine: files of torch's hub, and repositories of Hugging Face's."""

    files: frozenset[str]
    repositories: frozenset[str]

    def has(self, weights: Weights) -> bool:
        """Return whether these weights need no download."""
        if weights.repository is not None:
            return weights.repository in self.repositories
        return weights.file is None or weights.file in self.files


def downloaded() -> Downloaded:
    """Return the weights that are on this machine now."""
    hub = _hub()
    names = (each.name.split("--", 1) for each in _inside(hub) if each.name.startswith("models--"))
    return Downloaded(
        frozenset(file.name for file in _inside(_torch_hub() / "checkpoints")),
        frozenset(name.replace("--", "/", 1) for _, name in names if _is_whole(hub, name)),
    )


def _is_whole(hub: Path, name: str) -> bool:
    snapshots = _inside(hub / f"models--{name}" / "snapshots")
    return any((each / file).is_file() for each in snapshots for file in IN_A_SNAPSHOT)


def _inside(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _torch_hub() -> Path:
    """Return the folder of torch's hub, as `torch.hub.get_dir` does."""
    return _expanded(os.environ.get("TORCH_HOME") or _cache() / "torch") / "hub"


def _hub() -> Path:
    """Return the folder of Hugging Face's hub, as `huggingface_hub.constants` does."""
    home = _expanded(os.environ.get("HF_HOME") or _cache() / "huggingface")
    return _expanded(os.environ.get("HF_HUB_CACHE") or home / "hub")


def _expanded(path: str | Path) -> Path:
    """Return the path with `~` expanded; unchanged if there is no such home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")


def is_reachable(address: str, seconds: float) -> bool:
    """Return whether a server answers at a web address within that time, be it with an error.

    A thread asks it, since the timeout of a connection does not limit the look-up of its name.
    """
    answers: list[bool] = []
    request = threading.Thread(
        target=lambda: answers.append(_answers(address, seconds)), daemon=True
    )
    request.start()
    request.join(seconds)
    return True in answers


def _answers(address: str, seconds: float) -> bool:
    try:  # not by urlopen, which keeps the proxies of its first call
        build_opener().open(Request(address, method="HEAD"), timeout=seconds).close()
    except HTTPError as error:
        error.close()
    except (OSError, HTTPException, ValueError):
        return False
    return True


def download_server(weights: Weights) -> str:
    """Return the address of the server that weights are downloaded from."""
    if weights.repository is None:
        return "https://download.pytorch.org"
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
