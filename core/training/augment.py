"""Augmentation as numbered views: an image and the number of a view always give the same pixels.

So an augmented run can be repeated, and a finite number of views can be stored. In every epoch the
seed draws one view of each training image.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from core.runs.settings import VIEWS, Augment

_CORNERS = ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1))
"""Top and left of a crop, in halves of the margin: 4 corners and the center (Krizhevsky 2012)."""
_MIN_AREA = 0.35
"""Smallest share of the image's area that a random crop takes."""
_RATIO = (3 / 4, 4 / 3)
_JITTER = 0.4
"""Most by which brightness, contrast and saturation change, as a share: timm's default."""
_HUE = 0.1
"""Most by which the hue turns, in circles."""


def stored_size(augment: Augment, image_size: int) -> int:
    """Return the side of stored images in pixels: crops take 7/8 of it, as 224 of 256."""
    return image_size if augment in ("none", "flip") else math.ceil(image_size * 8 / 7)


def is_open_ended(augment: Augment) -> bool:
    """Return whether every epoch shows new views of the images."""
    return VIEWS[augment] is None


def view_count(augment: Augment, epochs: int) -> int:
    """Return how many views an image has; open-ended augmentation has a new one in every epoch."""
    return VIEWS[augment] or epochs


def epoch_views(augment: Augment, seed: int, epoch: int, images: int, epochs: int) -> Tensor:
    """Return the view of each image in an epoch, int64 of shape (images,), drawn by the seed."""
    if is_open_ended(augment):
        return torch.full((images,), epoch)
    generator = torch.Generator().manual_seed(seed * 20_011 + epoch + 7_919)
    return torch.randint(view_count(augment, epochs), (images,), generator=generator)


def center_crop(images: Tensor, size: int) -> Tensor:
    """Return the middle of each image, (n, 3, size, size), on which a model is evaluated."""
    margin = images.shape[-1] - size
    return _crop(images, margin // 2, margin // 2, size)


def view(images: Tensor, numbers: Tensor, keys: Tensor, kind: Augment, size: int) -> Tensor:
    """Return each image in the view of its number: (n, 3, size, size).

    `images` are uint8 of shape (n, 3, side, side). `keys` are seeds of open-ended views, one for
    each image, int64 of shape (n,).
    """
    if kind == "none":
        return images
    if is_open_ended(kind):
        pairs = zip(images, keys.tolist(), strict=True)
        return torch.stack([_random(image, kind, size, key) for image, key in pairs])
    views = images.new_empty((len(images), 3, size, size))
    margin = images.shape[-1] - size
    for number in sorted(set(numbers.tolist())):
        chosen = numbers == number
        down, right = _CORNERS[number // 2] if kind == "crops" else (0, 0)
        part = _crop(images[chosen], down * margin // 2, right * margin // 2, size)
        views[chosen] = part.flip(-1) if number % 2 else part
    return views


def _crop(images: Tensor, top: int, left: int, size: int) -> Tensor:
    return images[..., top : top + size, left : left + size]


def _random(image: Tensor, kind: Augment, size: int, key: int) -> Tensor:
    """Return a random crop, in other colors if `kind` is "color"."""
    generator = torch.Generator().manual_seed(key)
    crop = _random_crop(image, size, generator)
    return _jitter(crop, generator) if kind == "color" else crop


def _random_crop(image: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Return a random crop, resized, flipped or not (Szegedy et al. 2015, as RandomResizedCrop)."""
    area, ratio, down, right, flip = torch.rand(5, generator=generator).tolist()
    side = image.shape[-1]
    low, high = map(math.log, _RATIO)
    stretch = math.exp((low + ratio * (high - low)) / 2)
    edge = side * math.sqrt(_MIN_AREA + area * (1 - _MIN_AREA))
    height = min(side, max(1, round(edge / stretch)))
    width = min(side, max(1, round(edge * stretch)))
    top, left = int(down * (side - height + 1)), int(right * (side - width + 1))
    crop: Tensor = transforms.resized_crop(
        image, top, left, height, width, [size, size], antialias=True
    )
    return crop.flip(-1) if flip < 0.5 else crop


def _jitter(image: Tensor, generator: torch.Generator) -> Tensor:
    """Return the image in other colors: its four properties change in random order (ColorJitter).

    torchvision's class draws from torch's global generator, which belongs to the network.
    """
    order = torch.randperm(4, generator=generator).tolist()
    brightness, contrast, saturation, hue = (torch.rand(4, generator=generator) * 2 - 1).tolist()
    changes = (
        (transforms.adjust_brightness, 1 + _JITTER * brightness),
        (_adjust_contrast, 1 + _JITTER * contrast),
        (transforms.adjust_saturation, 1 + _JITTER * saturation),
        (transforms.adjust_hue, _HUE * hue),
    )
    for at in order:
        change, factor = changes[at]
        image = change(image, factor)
    return image


def _adjust_contrast(image: Tensor, factor: float) -> Tensor:
    """Return the image with another contrast, as torchvision's function does.

    Its mean is a sum of whole numbers here: a sum of floats depends on the number of threads, and a
    process that decodes images has one.
    """
    grey = transforms.rgb_to_grayscale(image)
    mean = int(grey.sum(dtype=torch.int64)) / grey.numel()
    return image.mul(factor).add_((1 - factor) * mean).clamp_(0, 255).to(torch.uint8)
