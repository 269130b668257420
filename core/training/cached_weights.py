"""Weights that were downloaded before: where their files lie, and what a torn one is told as."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from zipfile import BadZipFile

import torch
from huggingface_hub import try_to_load_from_cache
from safetensors import SafetensorError

from core.errors import RunError
from core.runs.downloaded import IN_A_SNAPSHOT
from core.schedule.spec import ModelRef
from core.training.failures import lacks_memory

_UNREADABLE = (
    BadZipFile,
    EOFError,
    KeyError,
    RuntimeError,
    SafetensorError,
    ValueError,
    pickle.UnpicklingError,
)


def torch_file(url: str) -> Path:
    """Return where torch keeps what it has downloaded from `url`, whether or not it is there."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def timm_files(cfg: Any) -> list[Path]:
    """The files that timm may load for its `cfg`, the first it would take before; there or not.

    They are the hub's own, to which it links: without its link alone a file is not loaded anew.
    """
    if not cfg.hf_hub_id:
        return [torch_file(cfg.url)] if cfg.url else []
    repository, _, revision = cfg.hf_hub_id.partition("@")
    names = [cfg.hf_hub_filename] if cfg.hf_hub_filename else IN_A_SNAPSHOT
    found = [try_to_load_from_cache(repository, n, revision=revision or None) for n in names]
    return [Path(file).resolve() for file in found if isinstance(file, str)]


@contextmanager
def readable(ref: ModelRef, files: Sequence[Path]) -> Iterator[None]:
    """Tell what goes wrong while weights are loaded from a file that is here as that file's fault.

    RunError names the first of `files` that is here; where none is, the error is left as it is.
    """
    try:
        yield
    except OSError:  # some of the hub's are ValueErrors, too
        raise
    except _UNREADABLE as error:
        file = next((file for file in files if file.is_file()), None)
        if file is None or lacks_memory(error):
            raise
        raise RunError(
            f"model.weights is {ref.weights!r} of {ref.name}, whose file {file} is corrupt or not "
            "a weights file: delete it to download it again"
        ) from error
