"""Max pooling in a pass has the bits of torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.training.cache import graph
from core.training.cache.precompute import with_fast_pooling
from core.training.cache.tracing import trace

POOLS = {
    "resnet": nn.MaxPool2d(3, 2, 1),
    "vgg": nn.MaxPool2d(2),
    "inception": nn.MaxPool2d(3, 2, ceil_mode=True),
    "dilated": nn.MaxPool2d(3, 1, dilation=2),
}


def quick(pool: nn.Module) -> torch.fx.GraphModule:
    model = nn.Sequential(nn.Identity(), pool)
    return with_fast_pooling(graph.prefix(model, trace(model, torch.randn(2, 3, 8, 8)), (2,)))


def bits(tensor: torch.Tensor) -> torch.Tensor:
    """So that zeros of either sign, and one NaN and another, can be told apart."""
    return tensor.view(torch.int32)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("channels", [1, 3, 64])
def test_every_bit_and_stride_is_that_of_torchs_own(name, channels):
    images = torch.randn(2, channels, 13, 16)
    images[images.abs() < 0.5] = 0.0
    images[images < -1.0] = -0.0
    images[0, 0, 5, 5] = torch.nan
    images[1, 0, 6] = -torch.inf
    expected = POOLS[name](images)
    (made,) = quick(POOLS[name])(images)
    assert torch.equal(bits(made), bits(expected))
    assert made.stride() == expected.stride()


def test_what_is_laid_out_otherwise_or_is_no_batch_of_images_is_left_to_torch():
    part = quick(POOLS["resnet"])
    for images in (torch.randn(3, 8, 8), torch.randn(2, 8, 8, 3).permute(0, 3, 1, 2)):
        expected = POOLS["resnet"](images)
        (made,) = part(images)
        assert torch.equal(made, expected)
        assert made.stride() == expected.stride()


def test_the_network_itself_keeps_its_pooling():
    model = nn.Sequential(nn.Identity(), nn.Sequential(POOLS["vgg"]))
    with_fast_pooling(graph.prefix(model, trace(model, torch.randn(2, 3, 8, 8)), (2,)))
    assert model[1][0] is POOLS["vgg"]
