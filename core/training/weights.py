"""Pretrained weights by name: torchvision's, timm's tags, and those that come with a package."""

from __future__ import annotations

import errno
import pickle
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from importlib.resources import as_file
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlparse
from zipfile import BadZipFile

import timm
import torch
import torchvision
from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError
from torch import nn
from torchvision.models.vision_transformer import interpolate_embeddings

from core.errors import ModelError, RunError, nearest
from core.models.weight_files import AUXILIARY, BUNDLED_FILE, BUNDLED_MODULE, OLD_NAME, UNTAGGED
from core.presets import BUNDLED_MODEL, BUNDLED_WEIGHTS
from core.runs.weight_downloads import IN_A_SNAPSHOT, is_reachable
from core.schedule.spec import ModelRef
from core.training.failures import is_out_of_memory

_HUB_TIMEOUT = 10.0  # seconds
_DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte
_WORKS_OFFLINE = (
    f"connect to a network, use {BUNDLED_MODEL} with its weights {BUNDLED_WEIGHTS!r}, "
    'which needs none, or train from random weights with "weights": null'
)

_UNREADABLE = (
    BadZipFile,
    EOFError,
    KeyError,
    RuntimeError,
    SafetensorError,
    ValueError,
    pickle.UnpicklingError,
)
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)

_Cfg = Any


def names_of_weights(name: str) -> tuple[str, ...]:
    """Return the names of a known model's weights: bundled ones, then the best, then the others."""
    library, _, short = name.partition("/")
    if library == "torchvision":
        entries = torchvision.models.get_model_weights(short)
        best = entries.__members__.get("DEFAULT")  # an alias, so it is not among the members below
        # those of a feature extractor have no classes, and NaN in the classifier
        with_classes = [weights for weights in entries if weights.meta.get("categories")]
        others = [weights.name for weights in with_classes if weights is not best]
        return (best.name, *others) if best is not None else tuple(others)
    return (*((BUNDLED_WEIGHTS,) if name == BUNDLED_MODEL else ()), *_tags(short))


def timm_cfg(short: str, weights: str | None) -> _Cfg:
    """Return timm's entry of a model with those weights (None: its best): sizes, statistics."""
    tags = _tags(short)
    cfg = tags.get(weights) if weights is not None else None
    return cfg if cfg is not None else cast(Any, timm).get_pretrained_cfg(short)


def load_torchvision(model: nn.Module, ref: ModelRef) -> Any:
    """Load the weights that `ref` names, and return torchvision's entry of them.

    Where `ref` names none, the first entry is returned. Raises ModelError for unknown weights,
    RunError where they cannot be downloaded, or where the downloaded file is corrupt.
    """
    entries = torchvision.models.get_model_weights(ref.name.split("/", 1)[1])
    if ref.weights is None:
        return next(iter(entries))
    if ref.weights not in names_of_weights(ref.name):
        raise _unknown_weights(ref)
    weights = entries[ref.weights]
    with as_download_error(ref), as_corrupt_file_error(ref, [torch_file(weights.url)]):
        state = weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
        if "encoder.pos_embedding" in state:
            vit = cast(Any, model)
            state = interpolate_embeddings(vit.image_size, vit.patch_size, state)
        _rename(state)
        model.load_state_dict(state)
    return weights


def load_timm(model: nn.Module, ref: ModelRef, **arguments: Any) -> nn.Module:
    """Return the model with the weights that `ref` names.

    It is `model` itself, or for weights that timm loads, a new one made with `arguments`. Raises
    ModelError for unknown weights, RunError where they cannot be downloaded, or where the
    downloaded file is corrupt.
    """
    short = ref.name.split("/", 1)[1]
    if ref.weights is None:
        return model
    if ref.weights not in names_of_weights(ref.name):
        raise _unknown_weights(ref)
    if ref.weights == BUNDLED_WEIGHTS:
        _load_bundled(model)
        return model
    tagged = short if ref.weights == UNTAGGED else f"{short}.{ref.weights}"
    files = timm_files(timm_cfg(short, ref.weights))
    with as_download_error(ref), _offline_if_unreachable(), as_corrupt_file_error(ref, files):
        return timm.create_model(tagged, pretrained=True, **arguments)


def torch_file(url: str) -> Path:
    """Return the path at which torch stores what it downloads from `url`; it need not exist."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def timm_files(cfg: Any) -> list[Path]:
    """Return the files that timm may load for its `cfg`, in its order; they need not exist.

    Links of the hub's cache are resolved, since deleting a link alone downloads nothing again.
    """
    if not cfg.hf_hub_id:
        return [torch_file(cfg.url)] if cfg.url else []
    repository, _, revision = cfg.hf_hub_id.partition("@")
    names = [cfg.hf_hub_filename] if cfg.hf_hub_filename else IN_A_SNAPSHOT
    paths = [try_to_load_from_cache(repository, n, revision=revision or None) for n in names]
    return [Path(path).resolve() for path in paths if isinstance(path, str)]


def _tags(short: str) -> dict[str, _Cfg]:
    registry = cast(Any, timm.models)
    best = cast(Any, timm).get_pretrained_cfg(short)
    cfgs = [best, *registry.get_arch_pretrained_cfgs(short).values()]
    return {cfg.tag or UNTAGGED: cfg for cfg in cfgs if cfg is not None and cfg.has_weights}


def _rename(state: dict[str, Any]) -> None:
    """Rename a file's tensors in place to the network's names, as torchvision does for its own.

    A copy would lose the version of the layers that the dict carries, by which files that are older
    than BatchNorm's count of batches can be loaded.
    """
    for name in list(state):
        value = state.pop(name)
        if not name.startswith(AUXILIARY):  # which are left out, see `models.build`
            state[re.sub(OLD_NAME, r"\1", name)] = value


def _load_bundled(model: nn.Module) -> None:
    """Load the bundled weights: the network's tensors in the same order, under other names."""
    packaged = package_files(BUNDLED_MODULE) / "models"
    with as_file(packaged / BUNDLED_FILE) as path:
        stored = torch.load(path, weights_only=True, map_location="cpu")
    names = model.state_dict().keys()
    model.load_state_dict(dict(zip(names, stored.values(), strict=True)))


@contextmanager
def as_corrupt_file_error(ref: ModelRef, files: Sequence[Path]) -> Iterator[None]:
    """Raise RunError, naming the file to delete, where a file of weights cannot be read.

    It names the first of `files` that exists; if none does, the error passes through unchanged.
    """
    try:
        yield
    except OSError:  # some errors of the hub are ValueErrors too
        raise
    except _UNREADABLE as error:
        file = next((file for file in files if file.is_file()), None)
        if file is None or is_out_of_memory(error):
            raise
        raise RunError(
            f"model.weights is {ref.weights!r} of {ref.name}, whose file {file} is corrupt or not "
            "a weights file: delete it to download it again"
        ) from error


@contextmanager
def as_download_error(ref: ModelRef) -> Iterator[None]:
    """Raise RunError where the network or the disk fails, and do not wait for data for long."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT)
    try:
        yield
    except (OSError, HTTPException, HfHubHTTPError, RuntimeError) as error:  # also a wrong hash
        if is_out_of_memory(error):
            raise
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise RunError(
                f"model.weights is {ref.weights!r} of {ref.name}, which could not be saved "
                f"({error.strerror}): free some space or grant write permission in "
                f"{error.filename or 'the cache'}, or set HF_HOME or TORCH_HOME to another folder"
            ) from None
        reason = str(getattr(error, "reason", error)).partition("\n")[0]
        raise RunError(
            f"model.weights is {ref.weights!r} of {ref.name}, which could not be downloaded "
            f"({reason}): {_WORKS_OFFLINE}"
        ) from None
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _offline_if_unreachable() -> Iterator[None]:
    """Take weights from the hub's cache alone while the hub does not answer.

    Otherwise its client would try for 50 s. Raises OSError if the cache does not have them.
    """
    before = constants.HF_HUB_OFFLINE
    unreachable = not before and not is_reachable(constants.ENDPOINT, _HUB_TIMEOUT)
    constants.HF_HUB_OFFLINE = before or unreachable
    try:
        yield
    except (OSError, RuntimeError):
        if unreachable:
            raise OSError(f"{constants.ENDPOINT} does not answer") from None
        raise
    finally:
        constants.HF_HUB_OFFLINE = before


def _unknown_weights(ref: ModelRef) -> ModelError:
    wrong = f"is {ref.weights!r}, which {ref.name} does not have"
    names = names_of_weights(ref.name) or ("null",)
    return ModelError("model.weights", wrong, nearest(str(ref.weights), names))
