"""What CI tries where trying everything is slow; `pytest` without `-m` tries everything."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from core.design.layers import known_models


def sampled(names: Collection[str], sample: Collection[str]) -> list[object]:
    """All names as parameters of a test; those that are not in the sample are left out of CI."""
    assert set(sample) <= set(names)
    rest = pytest.mark.thorough
    return [pytest.param(name, marks=() if name in sample else rest) for name in names]


SOME_MODELS = sampled(
    known_models(),
    {
        "torchvision/resnet18",
        "torchvision/swin_t",
        "torchvision/vit_b_16",
        "torchvision/squeezenet1_1",
        "torchvision/regnet_y_400mf",
        "timm/convnext_tiny",
        "timm/deit_small_distilled_patch16_224",
        "timm/tf_efficientnet_lite0",
    },
)
"""All models that have a stored table, of which CI tries one of each kind."""
