"""Networks by name, with their pretrained weights and a head for the data's classes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, cast

import timm
import torch
import torchvision
from torch import Tensor, nn

from core.errors import ModelError, SettingsError, nearest
from core.models import catalogue
from core.models.weight_files import CENTRED, INCEPTIONS
from core.runs.settings import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from core.schedule.spec import ModelRef
from core.suggest import heads_of
from core.training import weights

__all__ = ["CLASSES", "Network", "build", "normalize", "pretrained"]

CLASSES = 1_000
"""Classes of a network as its library makes it, and of its layer table."""

_DOES_NOT_FIT = (AssertionError, IndexError, RuntimeError, TypeError, ValueError)
"""Errors of libraries where a network is made for, or run on, images that it cannot take."""
_PATCH_SIDES = (8, 14)
"""Most networks that restrict the image size want a multiple of one of these."""
_MAX_TRIES = 40

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
    """Return the untrained network of a name, `torchvision/…` or `timm/…`, for `classes` classes.

    `device` may be "meta", which allocates no memory. `image_size` is the side of the images in
    pixels: a vision transformer is made for one size (None: its pretrained one), and other networks
    take any. The auxiliary classifiers of GoogLeNet and Inception are left out; they help to train
    from random weights.

    Raises ModelError, with the nearest name, for an unknown one. For a size that the network cannot
    take, the library's own error passes through.
    """
    library, _, short = name.partition("/")
    target = torch.device(device or "cpu")
    if library == "torchvision" and short in torchvision_models():
        options = _torchvision_options(short, image_size, classes)
        try:
            with target, warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)
                model: nn.Module = torchvision.models.get_model(short, weights=None, **options)
            return model
        except NotImplementedError:  # RegNet computes with tensors while it is made
            moved: nn.Module = torchvision.models.get_model(short, weights=None, **options)
            return moved.to(target)
    if library == "timm" and timm.is_model(short):
        with target:
            return timm.create_model(
                short, pretrained=False, **_timm_options(short, image_size, classes)
            )
    raise ModelError(
        "model.name", f"is {name!r}, which is not supported", nearest(name, catalogue.names())
    )


def torchvision_models() -> list[str]:
    """Return the names of torchvision's classification models."""
    return list(torchvision.models.list_models(module=torchvision.models))


def native_size(name: str) -> int:
    """Return the side in pixels of the images that a known model was made for."""
    library, _, short = name.partition("/")
    if library == "torchvision":
        return 224
    return int(weights.timm_cfg(short, None).input_size[-1])


def pretrained(ref: ModelRef, classes: int, image_size: int | None = None) -> Network:
    """Return the network with the weights that `ref` names, and a new head for that many classes.

    It takes images of `image_size` pixels a side, see `build`. The head, and every weight if
    `ref.weights` is null, is drawn from torch's global generator: seed it first.

    Raises ModelError for unknown weights, RunError where they would have to be downloaded and there
    is no network, SettingsError where the network cannot take images of that size.
    """
    try:
        model = build(ref.name, image_size=image_size)
    except _DOES_NOT_FIT as error:
        if isinstance(error, ModelError) or image_size is None:
            raise
        raise _size_error(ref.name, image_size) from None
    library, _, short = ref.name.partition("/")
    if image_size is not None and not _takes(model, image_size):
        raise _size_error(ref.name, image_size)
    if library == "torchvision":
        transforms = weights.load_torchvision(model, ref).transforms()
        mean, std = transforms.mean, transforms.std
        if short in INCEPTIONS and ref.weights is not None:
            mean = std = CENTRED
    else:
        model = weights.load_timm(model, ref, **_timm_options(short, image_size, CLASSES))
        cfg = weights.timm_cfg(short, ref.weights)
        mean, std = cfg.mean, cfg.std
    _replace_head(model, classes)
    return Network(model, _rgb(mean), _rgb(std))


def normalize(images: Tensor, mean: RGB, std: RGB) -> Tensor:
    """Return uint8 images (batch, 3, height, width) as (image / 255 - mean) / std per channel."""
    floats = images.to(torch.float32).div_(255.0)
    shape = (1, 3, 1, 1)
    return floats.sub_(floats.new_tensor(mean).view(shape)).div_(floats.new_tensor(std).view(shape))


def _torchvision_options(short: str, image_size: int | None, classes: int) -> dict[str, Any]:
    options: dict[str, Any] = {"num_classes": classes}
    if short in INCEPTIONS:
        options["aux_logits"] = False
    if short.startswith("vit_") and image_size is not None:
        options["image_size"] = image_size
    if short == "maxvit_t" and image_size is not None:
        options["input_size"] = (image_size, image_size)
    return options


def _timm_options(short: str, image_size: int | None, classes: int) -> dict[str, Any]:
    """Return options for timm; the image size is among them if the network is made for one."""
    cfg = weights.timm_cfg(short, None)
    fixed = cfg.fixed_input_size and image_size not in (None, cfg.input_size[-1])
    return {"num_classes": classes, **({"img_size": image_size} if fixed else {})}


def _takes(model: nn.Module, image_size: int) -> bool:
    """Return whether the network takes an image of that size. No random number is drawn."""
    device = next(model.parameters()).device
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, image_size, image_size, device=device))
    except _DOES_NOT_FIT:
        return False
    finally:
        model.train()
    return True


def _size_error(name: str, image_size: int) -> SettingsError:
    """Return the error for an image size, with the nearest sizes that the network takes."""

    def fits(size: int) -> bool:
        try:
            return _takes(build(name, device="meta", image_size=size), size)
        except _DOES_NOT_FIT:
            return False

    multiples = chain(*(range(0, MAX_IMAGE_SIZE + 1, side) for side in _PATCH_SIDES))
    sizes = sorted({native_size(name), *multiples} - set(range(MIN_IMAGE_SIZE)))
    below = (size for size in reversed(sizes) if size < image_size)
    above = (size for size in sizes if size > image_size)
    nearest_sizes = [
        size
        for side in (below, above)
        if (size := next(filter(fits, islice(side, _MAX_TRIES)), None)) is not None
    ] or [native_size(name)]
    return SettingsError(
        "--image-size",
        f"is {image_size}, which {name} cannot take",
        f"use {' or '.join(map(str, dict.fromkeys(nearest_sizes)))}",
    )


def _replace_head(model: nn.Module, classes: int) -> None:
    if hasattr(model, "reset_classifier"):
        cast(Any, model).reset_classifier(classes)
        return
    for path in heads_of(model):
        parent, _, name = path.rpartition(".")
        setattr(model.get_submodule(parent), name, _head(model.get_submodule(path), classes))


def _head(old: nn.Module, classes: int) -> nn.Module:
    if isinstance(old, nn.Conv2d):
        return nn.Conv2d(
            old.in_channels, classes, cast(Any, old.kernel_size), bias=old.bias is not None
        )
    linear = cast(nn.Linear, old)
    return nn.Linear(linear.in_features, classes, bias=linear.bias is not None)


def _rgb(values: object) -> RGB:
    red, green, blue = cast(RGB, values)
    return float(red), float(green), float(blue)
