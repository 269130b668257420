"""Mistakes about BatchNorm: an example of each, with its whole message."""

from __future__ import annotations

import pytest

from core.models import layer_table
from tests.checks.small import RESNET18, body, codes, fixed, group, only, schedule


def test_a_frozen_group_whose_batchnorm_moves():
    bad = schedule(body([[2, None]], when_frozen="train"), group("head", when_frozen="train"))
    problem = only("moving-batchnorm", bad)
    assert (problem.severity, problem.path) == ("warning", "groups[0].when_frozen")
    assert problem.groups == ("body",)
    assert problem.message == (
        "body is in train mode while frozen, so the statistics of 20 BatchNorm layers drift: "
        "hold frozen groups in eval mode"
    )
    assert fixed(problem, bad, "Hold it in eval mode").group("body").when_frozen == "eval"


@pytest.mark.parametrize(
    "still",
    [
        {"when_frozen": "eval"},
        {"when_frozen": "train", "batchnorm": "eval"},
        {"when_frozen": "train", "trains": [[0, None]], "lr_scale": 0.1},
    ],
    ids=["in eval mode", "keeps its statistics", "never frozen"],
)
def test_batchnorm_that_holds_still_or_is_never_frozen(still: dict[str, object]):
    assert codes(schedule(body(**{"trains": [[2, None]], **still}), group("head"))) == []


def test_a_frozen_group_without_batchnorm_may_be_in_train_mode():
    table = layer_table.load("timm/deit_tiny_patch16_224")
    groups = [group(g.name, *g.modules, when_frozen="train") for g in table.groups]
    groups[0] |= {"trainable": []}
    good = schedule(*groups, model={"name": table.model}, lr={"group_decay": 0.5})
    assert codes(good) == ["never-trains"]


def test_batchnorm_on_few_images():
    bad = schedule()
    problem = only("small-batch-batchnorm", bad, batch_size=7)
    assert (problem.severity, problem.path) == ("warning", "groups[0].batchnorm")
    assert problem.groups == ("body",)
    assert problem.message == (
        "body trains 20 BatchNorm layers on batches of 7, whose statistics are mostly noise: "
        "use a batch of 8 or more, or keep the pretrained statistics"
    )
    mended = fixed(problem, bad, "Keep pretrained statistics", batch_size=7)
    assert mended.group("body").batchnorm == "eval"
    assert codes(bad, batch_size=8) == []
    assert codes(bad) == []


def test_random_statistics_are_not_worth_keeping():
    problem = only("small-batch-batchnorm", schedule(model={"name": RESNET18.model}), 2)
    assert problem.fix is None
    assert problem.way_out == "use a batch of 8 or more"
