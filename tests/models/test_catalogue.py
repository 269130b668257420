from __future__ import annotations

import pytest

from core.errors import ModelError
from core.models.catalogue import full_name, names
from core.models.layer_table import known_models


def test_models_with_a_stored_table_come_first_and_no_name_comes_twice():
    stored = names()[: len(known_models())]
    assert sorted(stored) == sorted(known_models())
    assert stored.index("torchvision/resnet50") < stored.index("timm/resnet50")
    assert len(set(names())) == len(names()) > 1_400


def test_every_name_is_found_in_full_and_by_its_short_form():
    assert all(full_name(name) == name for name in names())
    assert full_name("tf_efficientnet_lite0") == "timm/tf_efficientnet_lite0"


def test_a_short_name_of_both_libraries_is_torchvisions():
    assert {"timm/resnet18", "torchvision/resnet18"} <= set(names())
    assert full_name("resnet18") == "torchvision/resnet18"


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("resnet5", "resnet50"), ("timm/resnet19", "timm/resnet18"), ("vgg11_bm", "vgg11_bn")],
)
def test_an_unknown_name_gets_the_nearest(wrong: str, near: str):
    with pytest.raises(ModelError) as caught:
        full_name(wrong)
    message = f"model is {wrong!r}, which is not supported: did you mean {near!r}?"
    assert str(caught.value) == message
