"""Every number in the lesson's texts, computed anew by PyTorch and torchvision alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torchvision
from torch import nn

from pages.components.learn import numbers
from pages.components.learn.language import LANGUAGES, Language
from tests.exercise import sequential, sgd, step_of_adam, table

EPOCHS, WARMUP = 20, 3
THAWS = {0: "head", 2: "layer4", 4: "layer3", 6: "layer2"}
OWN_CLASSES = 10
FURTHEST = 1e-3  # how far Adam is asked to move a weight


@pytest.fixture(scope="module")
def model() -> torchvision.models.ResNet:
    return torchvision.models.resnet18()


def parts(model: torchvision.models.ResNet) -> dict[str, nn.Module]:
    """The exercise's groups, from the head on."""
    stem = nn.ModuleList([model.conv1, model.bn1])
    layers = {f"layer{at}": model.get_submodule(f"layer{at}") for at in (4, 3, 2, 1)}
    return {"head": model.fc, **layers, "stem": stem}


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def network(model: torchvision.models.ResNet, language: Language) -> dict[str, str]:
    sizes = {name: size(part) for name, part in parts(model).items()}
    total, largest = size(model), max(sizes, key=sizes.__getitem__)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    grouped = [id(p) for part in parts(model).values() for p in part.parameters()]
    integer, share = language.integer, language.share
    return {
        "parameters": integer(total),
        "tensors": integer(len(list(model.parameters()))),
        "covered": integer(sum(grouped.count(id(p)) == 1 for p in model.parameters())),
        "batchnorms": integer(len(norms)),
        "statistics": integer(sum(n.running_mean.numel() + n.running_var.numel() for n in norms)),
        "bn1": integer(size(model.bn1)),
        "classes": integer(model.fc.out_features),
        "features": integer(model.fc.in_features),
        "own_classes": integer(OWN_CLASSES),
        "own_head": integer(size(nn.Linear(model.fc.in_features, OWN_CLASSES))),
        "head": integer(sizes["head"]),
        "largest": f"`{largest}`",
        "largest_share": share(sizes[largest] / total),
        "layer4_share": share(sizes["layer4"] / total),
        "stem_share": share(sizes["stem"] / total),
    }


def rates(model: torchvision.models.ResNet, language: Language) -> dict[str, str]:
    optimizer = sgd([1e-3 * 0.1**distance for distance in range(6)])
    names = list(parts(model))
    until_the_floor = table(optimizer, sequential(optimizer, WARMUP, EPOCHS), EPOCHS + 1)
    by_epoch = dict(zip(names, until_the_floor.T, strict=True))
    warm = int(by_epoch["head"].argmax())
    peak = {name: row[warm] for name, row in by_epoch.items()}
    last = {name: row[EPOCHS - 1] for name, row in by_epoch.items()}
    (floor,) = {f"{rate:.12g}" for rate in until_the_floor[-1]}
    (factor,) = {f"{low / high:.12g}" for high, low in pairwise(peak.values())}
    (start,) = {f"{row[0] / peak[name]:.12g}" for name, row in by_epoch.items()}
    integer, number, rate = language.integer, language.number, language.rate
    return {
        "ulmfit_divisor": number(2.6),  # Howard & Ruder 2018, section 3.2
        "factor": number(float(factor)),
        "head_peak": rate(peak["head"]),
        "stem_peak": rate(peak["stem"]),
        "layer2_peak": rate(peak["layer2"]),
        "layer3_peak": rate(peak["layer3"]),
        "layer3_distance": integer(round(np.log10(peak["head"] / peak["layer3"]))),
        "spread": integer(round(peak["head"] / peak["stem"])),
        "slow_steps": integer(round(FURTHEST / step_of_adam(peak["stem"]))),
        "start_factor": number(float(start)),
        "warmup": number(warm),
        "epochs": integer(EPOCHS),
        "last_epoch": integer(EPOCHS - 1),
        "floor": rate(float(floor)),
        "stem_last": rate(last["stem"]),
        "stem_fold": number(last["stem"] / peak["stem"], 2),
        "layer1_fold": number(last["layer1"] / peak["layer1"], 2),
    }


def thaws(model: torchvision.models.ResNet, language: Language) -> dict[str, str]:
    model.requires_grad_(False)
    begun: dict[str, int] = {}
    for epoch in range(EPOCHS):
        if epoch in THAWS:
            parts(model)[THAWS[epoch]].requires_grad_(True)
        for name, part in parts(model).items():
            if all(parameter.requires_grad for parameter in part.parameters()):
                begun.setdefault(name, epoch)
    never = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    (every,) = {later - sooner for sooner, later in pairwise(begun.values())}
    forgets_two = (
        e for e in range(EPOCHS) if e not in THAWS and sum(0 < t < e for t in THAWS) == 2
    )
    return {
        **{f"{name}_start": str(epoch) for name, epoch in begun.items() if epoch},
        "thaw_every": language.integer(every),
        "never": language.integer(never),
        "resume_epoch": language.integer(next(forgets_two)),
    }


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_number_in_the_texts_is_what_torch_and_torchvision_say(
    model: torchvision.models.ResNet, code: str
) -> None:
    language = LANGUAGES[code]
    expected = {
        **network(model, language),
        **rates(model, language),
        **thaws(model, language),
    }
    assert numbers.numbers(language) == expected
