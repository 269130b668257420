"""Whether pretrained weights lie where torch and Hugging Face keep them, or can be downloaded."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from core.design.catalogue import Weights

_IN_A_SNAPSHOT = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The files of torch's hub, and the repositories of Hugging Face's, that are here."""

    files: frozenset[str]
    repositories: frozenset[str]

    def has(self, weights: Weights) -> bool:
        """Whether these weights need no download."""
        if weights.repository is not None:
            return weights.repository in self.repositories
        return weights.file is None or weights.file in self.files


def downloaded() -> Downloaded:
    """What is here now."""
    hub = _hub()
    found = (each.name.split("--", 1) for each in _inside(hub) if each.name.startswith("models--"))
    return Downloaded(
        frozenset(file.name for file in _inside(_torch_hub() / "checkpoints")),
        frozenset(name.replace("--", "/", 1) for _, name in found if _is_whole(hub, name)),
    )


def _is_whole(hub: Path, name: str) -> bool:
    snapshots = _inside(hub / f"models--{name}" / "snapshots")
    return any((each / file).is_file() for each in snapshots for file in _IN_A_SNAPSHOT)


def _inside(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _torch_hub() -> Path:
    """See torch.hub.get_dir."""
    return Path(os.environ.get("TORCH_HOME") or _cache() / "torch").expanduser() / "hub"


def _hub() -> Path:
    """See huggingface_hub.constants."""
    home = Path(os.environ.get("HF_HOME") or _cache() / "huggingface").expanduser()
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")


def answers(address: str, seconds: float) -> bool:
    """Whether anything answers at a web address within that time, an error included."""
    try:
        urlopen(Request(address, method="HEAD"), timeout=seconds).close()
    except HTTPError as error:
        error.close()
    except (OSError, HTTPException):
        return False
    return True


def source(weights: Weights) -> str:
    """The address of the server that weights are downloaded from."""
    if weights.repository is None:
        return "https://download.pytorch.org"
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
