"""What a plain `pytest` tries where trying everything is slow; `-m thorough` tries the rest."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from core import presets
from core.models.layer_table import known_models
from core.schedule import edits
from core.schedule.spec import Schedule


def thorough(*cases: object) -> list[Any]:
    """Parameters of a test that only `-m thorough` tries; a case of several values is a tuple."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.thorough)
        for case in cases
    ]


def stairs() -> Schedule:
    """The default preset's groups, thawing an epoch apart; the last two of them never do."""
    default = presets.load(presets.DEFAULT)
    names = [group.name for group in reversed(default.groups)]
    windows = {name: ((at, None),) if at < 5 else () for at, name in enumerate(names)}
    return edits.set_field(edits.set_windows(default, windows), "lr.warmup.epochs", 1)


def sampled(names: Collection[str], sample: Collection[str]) -> list[Any]:
    """All names as parameters of a test, those that are not in the sample as `thorough`."""
    assert set(sample) <= set(names)
    return [name for name in names if name in sample] + list(
        thorough(*(name for name in names if name not in sample))
    )


SOME_MODELS = sampled(
    known_models(),
    {
        "torchvision/resnet18",
        "torchvision/squeezenet1_1",
        "timm/convnext_tiny",
        "timm/deit_small_distilled_patch16_224",
        "timm/tf_efficientnet_lite0",
    },
)
"""All models that have a stored table, of which a plain `pytest` tries one of each kind."""
