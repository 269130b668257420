"""The lesson's numbers are PyTorch's own, its code runs, and its faults are faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from core.freezing import GradualUnfreezer, freeze_group
from core.grouping import LayerGroups, get_layer_groups, parameters_of
from core.scheduler import create_scheduler_with_warmup
from pages.components.learn import numbers, texts
from pages.components.learn.language import LANGUAGES
from tests.exercise import sequential, sgd, step_of_adam, table

ENGLISH = LANGUAGES["en"]
NUMBERS = numbers.numbers(ENGLISH)
EXERCISE = numbers.exercise()


@pytest.fixture(scope="module")
def model() -> nn.Module:
    found: nn.Module = torchvision.models.resnet18()
    return found


@pytest.fixture(scope="module")
def groups(model: nn.Module) -> LayerGroups:
    return get_layer_groups(model)


@pytest.fixture(scope="module")
def torchs() -> dict[str, np.ndarray]:
    """The rates of 20 epochs by group, from PyTorch's own schedulers."""
    optimizer = sgd(list(EXERCISE.peaks.values()))
    found = table(optimizer, sequential(optimizer, 3, 20), 20)
    return dict(zip(EXERCISE.peaks, found.T, strict=True))


def test_the_parameter_counts_are_those_of_torchvisions_resnet18(
    model: nn.Module, groups: LayerGroups
) -> None:
    counted = {name: sum(p.numel() for p in parameters_of(g)) for name, g in groups.items()}
    assert counted == EXERCISE.sizes
    assert counted == {
        "stem": 9_536,
        "layer1": 147_968,
        "layer2": 525_568,
        "layer3": 2_099_712,
        "layer4": 8_393_728,
        "head": 513_000,
    }


def test_the_exercises_rates_are_torchs_to_1e_12(torchs: dict[str, np.ndarray]) -> None:
    ours = EXERCISE.rates(EXERCISE.written)
    assert list(ours) == list(torchs)
    for name, expected in torchs.items():
        np.testing.assert_allclose(ours[name], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-9)


def test_torch_makes_the_stems_rate_rise_a_hundredfold(torchs: dict[str, np.ndarray]) -> None:
    stem, layer1, layer2 = (torchs[name] / EXERCISE.peaks[name] for name in list(torchs)[:3])
    assert np.all(np.diff(stem[3:]) > 0)
    assert stem[3] == pytest.approx(1)
    assert f"{stem[-1]:.2g}" == "99"
    assert f"{layer1[-1]:.2g}" == "9.9"
    np.testing.assert_allclose(layer2[3:], 1, rtol=1e-9)
    optimizer = sgd([EXERCISE.peaks["stem"]])
    to_the_floor = table(optimizer, sequential(optimizer, 3, 20), 21)[-1, 0]
    assert to_the_floor / EXERCISE.peaks["stem"] == pytest.approx(100)


def test_the_mended_rates_are_torchs_with_a_floor_for_each_group_and_fall_alike() -> None:
    falls = []
    for name, ours in EXERCISE.rates(EXERCISE.mended).items():
        peak = EXERCISE.peaks[name]
        optimizer = sgd([peak])
        scheduler = sequential(optimizer, 3, 20, eta_min=peak / 1000)
        np.testing.assert_allclose(ours, table(optimizer, scheduler, 20)[:, 0], rtol=1e-9)
        falls.append(np.array(ours) / peak)
    for fall in falls:
        assert np.all(np.diff(fall[3:]) < 0)
        np.testing.assert_allclose(fall, falls[0], rtol=1e-12)


def test_the_code_of_the_six_steps_runs_as_one_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    resnet18 = torchvision.models.resnet18
    monkeypatch.setattr(torchvision.models, "resnet18", lambda weights: resnet18(weights=None))
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    space: dict[str, Any] = {}
    printed = {}
    for step in texts.STEPS:
        source = texts.code_of(texts.read("en", step).part("code").body)
        exec(compile(source, step, "exec"), space)
        printed[step] = capsys.readouterr().out.split()
    assert printed["groups"][:2] == ["stem", f"{EXERCISE.sizes['stem']:,}"]
    assert printed["groups"][-1] == NUMBERS["head"]
    assert printed["freezing"] == [NUMBERS["head"]]
    assert printed["rates"][:2] == ["head", "0.001"]
    assert printed["rates"][-2] == "stem"
    assert float(printed["rates"][-1]) == pytest.approx(EXERCISE.peaks["stem"])
    by_epoch = dict(zip(printed["unfreezing"][::2], printed["unfreezing"][1::2], strict=True))
    assert list(by_epoch) == [str(epoch) for epoch in range(EXERCISE.written.epochs)]
    assert by_epoch["1"] == NUMBERS["head"]
    assert by_epoch["19"] == f"{EXERCISE.trainable(('layer2', 'layer3', 'layer4', 'head')):,}"
    rates_now = [group["lr"] for group in space["optimizer"].param_groups]
    assert rates_now == pytest.approx([1e-6] * 6)  # after the last epoch all stand on the floor


def test_the_timeline_is_what_the_unfreezer_does(model: nn.Module, groups: LayerGroups) -> None:
    by_epoch: dict[int, list[str]] = {}
    for name, epoch in EXERCISE.starts.items():
        by_epoch.setdefault(epoch, []).append(name)
    assert by_epoch == {0: ["head"], 2: ["layer4"], 4: ["layer3"], 6: ["layer2"]}
    unfreezer = GradualUnfreezer(model, groups, by_epoch)
    for group in EXERCISE.written.groups:
        for epoch in (7, 0, 5, 19):
            unfreezer.step(epoch)
            opened = all(p.requires_grad for p in parameters_of(groups[group.name]))
            start = EXERCISE.starts.get(group.name)
            assert opened == (start is not None and start <= epoch)


@pytest.mark.parametrize("resumed", [0, 3, 4, 5, 6, 7])
def test_the_usual_loop_has_open_after_a_resume_what_the_lesson_says(
    model: nn.Module, groups: LayerGroups, resumed: int
) -> None:
    for name, layers in groups.items():
        for parameter in parameters_of(layers):
            parameter.requires_grad_(name == "head")
    schedule = {0: ["head"], 2: ["layer4"], 4: ["layer3"], 6: ["layer2"]}
    if resumed in schedule:
        for name in schedule[resumed]:
            for parameter in parameters_of(groups[name]):
                parameter.requires_grad_(True)
    opened = tuple(n for n, g in groups.items() if parameters_of(g)[0].requires_grad)
    assert opened == EXERCISE.open_after_resume(resumed)


def test_requires_grad_false_does_not_stop_batchnorm_or_dropout_but_freeze_group_does() -> None:
    body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5))
    for parameter in body.parameters():
        parameter.requires_grad_(False)
    images = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    before = body[1].running_mean.clone()
    body.train()
    assert not torch.equal(body(images), body(images))
    assert not torch.equal(body[1].running_mean, before)

    freeze_group([body])
    body.train()
    before = body[1].running_mean.clone()
    assert torch.equal(body(images), body(images))
    assert torch.equal(body[1].running_mean, before)


@pytest.mark.parametrize("zeroed", [False, True])
def test_a_gradient_left_behind_moves_a_frozen_parameter(zeroed: bool) -> None:
    layer = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-2)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    layer.requires_grad_(False)
    if zeroed:
        optimizer.zero_grad(set_to_none=False)
    before = layer.weight.clone()
    optimizer.step()
    assert not torch.equal(layer.weight, before)

    freeze_group([layer])
    before = layer.weight.clone()
    optimizer.step()
    assert torch.equal(layer.weight, before)


def test_an_optimizer_of_what_is_trainable_now_never_moves_what_thaws_later() -> None:
    body, head = nn.Linear(2, 2), nn.Linear(2, 1)
    body.requires_grad_(False)
    both = [*body.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(p for p in both if p.requires_grad)
    body.requires_grad_(True)
    before = body.weight.clone()
    head(body(torch.ones(1, 2))).sum().backward()
    optimizer.step()
    assert body.weight.grad is not None
    assert torch.equal(body.weight, before)


def test_a_step_of_adam_is_about_as_long_as_the_rate() -> None:
    rate = EXERCISE.peaks["stem"]
    assert step_of_adam(rate) == pytest.approx(rate, rel=1e-3)


def test_torchs_schedulers_have_the_edges_that_the_lesson_names() -> None:
    optimizer = sgd([1.0])
    stuck = table(optimizer, LinearLR(optimizer, start_factor=0.1, total_iters=0), 5)
    assert stuck.ravel() == pytest.approx([0.1] * 5)

    optimizer = sgd([1.0])
    with pytest.raises(ZeroDivisionError):
        table(optimizer, CosineAnnealingLR(optimizer, T_max=0), 2)

    optimizer = sgd([1.0])
    beyond = table(optimizer, CosineAnnealingLR(optimizer, T_max=5), 11).ravel()
    assert beyond[5] == pytest.approx(0)
    assert beyond[10] == pytest.approx(1)

    optimizer = sgd([1.0])
    scheduler = sequential(optimizer, 3, 20)
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": 0.1})
    with pytest.raises((ValueError, IndexError, KeyError)):
        table(optimizer, scheduler, 5)


def test_torch_resumed_by_last_epoch_has_other_rates_and_thaws_scheduler_has_not() -> None:
    optimizer = sgd([1.0])
    through = table(optimizer, sequential(optimizer, 3, 20), 9)[8, 0]
    optimizer = sgd([1.0])
    optimizer.param_groups[0]["initial_lr"] = 1.0
    rise = LinearLR(optimizer, start_factor=0.1, total_iters=3, last_epoch=8)
    fall = CosineAnnealingLR(optimizer, T_max=17, eta_min=1e-6, last_epoch=8)
    SequentialLR(optimizer, [rise, fall], [3], last_epoch=8)
    assert optimizer.param_groups[0]["lr"] != pytest.approx(through, rel=1e-2)

    optimizer = sgd([1.0])
    thaws = create_scheduler_with_warmup(optimizer, 3, 20)
    thaws.load_state_dict({"last_epoch": 8})
    assert optimizer.param_groups[0]["lr"] == pytest.approx(through, rel=1e-9)
