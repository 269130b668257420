from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.errors import InputError, ModelError
from core.freezing import apply_plan, freeze_group, unfreeze_group
from core.grouping import get_layer_groups
from core.optimizer import build_optimizer, get_optimizer_with_discriminative_lr
from core.schedule import curves
from core.schedule.optimizers import OPTIMIZERS, Adam, OptimizerSpec
from core.schedule.shapes import Warmup
from core.schedule.spec import Group, LearningRate, ModelRef, Schedule
from core.scheduler import ScheduleLR
from core.training.models import build

SPECS: list[OptimizerSpec] = [
    kind.model_validate({"name": name, "base_lr": 0.1, "weight_decay": 0.3})
    for name, kind in OPTIMIZERS.items()
]
ARGUMENTS = {"sgd": {"weight_decay": 0.3, "momentum": 0.9}}
"""What torch's class is given, where that is more than weight decay."""
ADAM = Adam(name="adam", base_lr=0.1, weight_decay=0.3)


def tiny() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))


def groups_of(model: nn.Sequential) -> dict[str, list[nn.Module]]:
    return dict(zip(("stem", "body", "head"), ([part] for part in model), strict=True))


def schedule(optimizer: Any) -> Schedule:
    return Schedule(
        format="thaw.schedule",
        version=1,
        name="Test",
        model=ModelRef(name="test/tiny"),
        epochs=4,
        optimizer=optimizer,
        lr=LearningRate(group_decay=0.5, warmup=Warmup(epochs=1, start_factor=0.1)),
        groups=tuple(
            Group(name=name, modules=(str(i),)) for i, name in enumerate(("stem", "body", "head"))
        ),
    )


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).square().mean().backward()
        optimizer.step()


def bits(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def same(before: list[Tensor], after: list[Tensor]) -> bool:
    return all(map(torch.equal, before, after))


def test_the_exercises_param_groups_go_head_first_with_a_tenth_of_the_rate_each():
    model = build("torchvision/resnet18", device="meta")
    optimizer = get_optimizer_with_discriminative_lr(model, get_layer_groups(model))
    assert type(optimizer) is torch.optim.Adam
    assert [(group["name"], group["lr"]) for group in optimizer.param_groups] == [
        ("head", 1e-3),
        ("layer4", pytest.approx(1e-4, rel=1e-12)),
        ("layer3", pytest.approx(1e-5, rel=1e-12)),
        ("layer2", pytest.approx(1e-6, rel=1e-12)),
        ("layer1", pytest.approx(1e-7, rel=1e-12)),
        ("stem", pytest.approx(1e-8, rel=1e-12)),
    ]
    sizes = [sum(p.numel() for p in group["params"]) for group in optimizer.param_groups]
    assert sizes == [513_000, 8_393_728, 2_099_712, 525_568, 147_968, 9_536]


def test_base_lr_and_lr_mult_set_the_rates():
    model = tiny()
    optimizer = get_optimizer_with_discriminative_lr(model, groups_of(model), 0.8, lr_mult=0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.8, 0.4, 0.2]


def test_an_optimizer_made_while_a_group_is_frozen_trains_it_after_the_thaw():
    model = tiny()
    groups = groups_of(model)
    freeze_group(groups["stem"])
    optimizer = get_optimizer_with_discriminative_lr(model, groups, base_lr=0.1)
    before = bits(model[0])
    train(model, optimizer)
    assert same(before, bits(model[0]))
    unfreeze_group(groups["stem"])
    train(model, optimizer)
    assert not any(map(torch.equal, before, bits(model[0])))


def test_an_optimizer_made_of_what_is_trainable_now_never_trains_what_thaws_later():
    # the fault that the test above is about
    model = tiny()
    freeze_group([model[0]])
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.1)
    unfreeze_group([model[0]])
    before = bits(model[0])
    train(model, optimizer)
    assert same(before, bits(model[0]))


def test_parameters_in_no_group_are_named():
    model = tiny()
    groups = groups_of(model)
    del groups["body"]
    with pytest.raises(ModelError) as caught:
        get_optimizer_with_discriminative_lr(model, groups)
    assert str(caught.value) == (
        "groups leave out '1.weight', '1.bias': add their paths to a group"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base_lr": 0.0}, "base_lr is 0.0: give a positive number"),
        ({"base_lr": float("nan")}, "base_lr is nan: give a positive number"),
        ({"lr_mult": -0.1}, "lr_mult is -0.1: give a positive number"),
    ],
)
def test_a_rate_that_is_not_positive_is_refused(arguments: dict[str, float], message: str):
    model = tiny()
    with pytest.raises(InputError) as caught:
        get_optimizer_with_discriminative_lr(model, groups_of(model), **arguments)
    assert str(caught.value) == message


def test_tied_parameters_are_in_the_optimizer_once():
    model = tiny()
    model[1].weight = model[0].weight
    groups = {"body": [model[0], model[1]], "head": [model[2]]}
    optimizer = get_optimizer_with_discriminative_lr(model, groups)
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 3]
    train(model, optimizer, steps=1)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_schedules_optimizer_is_torchs_own_with_its_settings(spec: OptimizerSpec):
    kind = getattr(torch.optim, spec.title())
    options = ARGUMENTS.get(spec.name, {"weight_decay": 0.3})
    model = tiny()
    optimizer = build_optimizer(schedule(spec), groups_of(model))
    assert type(optimizer) is kind
    for group in optimizer.param_groups:
        assert {key: group[key] for key in options} == options
    torchs = kind(model.parameters(), lr=0.1, **options).defaults
    assert optimizer.defaults == torchs | ({"fused": True} if spec.has_fused else {})
    assert build_optimizer(schedule(spec), groups_of(model), fused=False).defaults == torchs


def test_a_schedules_param_groups_keep_its_order_and_start_at_step_0():
    model = tiny()
    wanted = schedule(ADAM)
    shuffled = dict(reversed(groups_of(model).items()))
    optimizer = build_optimizer(wanted, shuffled)
    assert [group["name"] for group in optimizer.param_groups] == ["stem", "body", "head"]
    assert [group["lr"] for group in optimizer.param_groups] == list(curves.rates(wanted, 0.0))
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.0025, 0.005, 0.01])
    assert optimizer.param_groups[0]["params"] == list(model[0].parameters())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_momentum_and_weight_decay_do_not_move_a_group_that_is_frozen_again(spec: OptimizerSpec):
    model = tiny()
    optimizer = build_optimizer(schedule(spec), groups_of(model))
    train(model, optimizer)
    freeze_group([model[0]])
    before = bits(model[0])
    train(model, optimizer)
    assert same(before, bits(model[0]))
    unfreeze_group([model[0]])
    train(model, optimizer, steps=1)
    assert not same(before, bits(model[0]))


def test_layer_groups_of_another_schedule_are_refused():
    model = tiny()
    groups = groups_of(model)
    more = {**groups, "tail": [nn.Linear(1, 1)]}
    with pytest.raises(ModelError, match=r"^layer_groups have a group 'tail': use one of body, h"):
        build_optimizer(schedule(ADAM), more)
    groups["boddy"] = groups.pop("body")
    with pytest.raises(ModelError, match=r"^layer_groups have no group 'body': did you mean 'bodd"):
        build_optimizer(schedule(ADAM), groups)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_first_step_that_a_scaler_skips_leaves_nothing_behind(spec: OptimizerSpec):
    """As `torch.amp.GradScaler` does: it tells a fused optimizer that gradients overflowed."""
    ours, torchs = tiny(), tiny()
    torchs.load_state_dict(ours.state_dict())
    stepped = build_optimizer(schedule(spec), groups_of(ours))
    fresh = build_optimizer(schedule(spec), groups_of(torchs))
    x = torch.randn(4, 4)
    for model in (ours, torchs):
        model(x).square().mean().backward()
    if stepped.defaults.get("fused"):
        stepped.grad_scale, stepped.found_inf = torch.ones(()), torch.ones(())
        stepped.step()
        del stepped.grad_scale, stepped.found_inf
    stepped.step()
    fresh.step()
    assert all(torch.equal(*pair) for pair in zip(bits(ours), bits(torchs), strict=True))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_parameter_may_get_its_first_gradient_after_others_of_its_group(spec: OptimizerSpec):
    model = tiny()
    optimizer = build_optimizer(schedule(spec), groups_of(model))
    first, second = list(model[0].parameters())
    first.grad = torch.ones_like(first)
    optimizer.step()
    before = second.detach().clone()
    second.grad = torch.ones_like(second)
    optimizer.step()
    assert torch.isfinite(second).all()
    assert not torch.equal(second, before)


def test_a_parameter_that_is_a_part_of_a_larger_tensor_is_stepped_plainly():
    model = tiny()
    storage = torch.ones(4, 9)
    model[0].weight = nn.Parameter(storage[:, : model[0].in_features][: model[0].out_features])
    optimizer = build_optimizer(schedule(ADAM), groups_of(model))
    train(model, optimizer)
    assert torch.equal(storage[:, model[0].in_features :], torch.ones(4, 9 - model[0].in_features))


def test_where_the_device_has_no_fused_step_it_is_plain():
    groups = {name: [nn.Linear(1, 1, device="meta")] for name in ("stem", "body", "head")}
    assert build_optimizer(schedule(ADAM), groups).defaults["fused"] is None


def convolutions() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()),
        nn.Sequential(nn.Conv2d(8, 19, 3), nn.BatchNorm2d(19), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        nn.Sequential(nn.Flatten(), nn.Linear(19, 5)),
    )


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_group_has_at_every_step_the_bits_of_a_loop_written_by_hand(
    spec: OptimizerSpec, memory: torch.memory_format, fused: bool
):
    """Groups that thaw later, freeze again and thaw once more, one tensor after the other."""
    windows = {"stem": ((2, 3), (4, None)), "body": ((1, 4),), "head": ((0, None),)}
    kind = getattr(torch.optim, spec.title())
    options = ARGUMENTS.get(spec.name, {"weight_decay": 0.3})
    plain = schedule(spec)
    groups = tuple(g.model_copy(update={"trainable": windows[g.name]}) for g in plain.groups)
    document = plain.model_copy(update={"groups": groups, "epochs": 6})
    ours, by_hand = (convolutions().to(memory_format=memory) for _ in range(2))
    optimizer = build_optimizer(document, groups_of(ours), fused=fused)
    scheduler = ScheduleLR(optimizer, document, 4)
    if fused and spec.has_fused:
        options = {**options, "fused": True}
    torchs = [kind(part.parameters(), lr=1.0, **options) for part in by_hand]
    open_in = [{2, 4, 5}, {1, 2, 3}, {0, 1, 2, 3, 4, 5}]
    for step in range(24):
        x = torch.randn(4, 3, 9, 9).contiguous(memory_format=memory)
        apply_plan(groups_of(ours), document, step // 4)
        optimizer.zero_grad()
        ours(x).square().mean().backward()
        optimizer.step()
        scheduler.step()
        for part, epochs in zip(by_hand, open_in, strict=True):
            part.train(step // 4 in epochs).requires_grad_(step // 4 in epochs)
            part.zero_grad()
        by_hand(x).square().mean().backward()
        for other, group in zip(torchs, groups, strict=True):
            other.param_groups[0]["lr"] = float(curves.lr(document, group, step / 4))
            other.step()
        for at, (mine, part) in enumerate(zip(ours, by_hand, strict=True)):
            assert same(list(mine.state_dict().values()), list(part.state_dict().values()))
            kept = [optimizer.state[parameter] for parameter in mine.parameters()]
            theirs = [torchs[at].state[parameter] for parameter in part.parameters()]
            for state, wanted in zip(kept, theirs, strict=True):
                assert state.keys() == wanted.keys()
                assert all(torch.equal(state[key], wanted[key]) for key in wanted)
    moved = convolutions().to(memory_format=memory)
    assert not any(map(torch.equal, moved.parameters(), ours.parameters()))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_loaded_state_goes_on_alike_in_another_memory_format(spec: OptimizerSpec):
    ours, moved = convolutions().to(memory_format=torch.channels_last), convolutions()
    first, second = (build_optimizer(schedule(spec), groups_of(each)) for each in (ours, moved))

    def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        generator = torch.Generator().manual_seed(0)
        for parameter in model.parameters():
            gradient = torch.randn(parameter.shape, generator=generator)
            parameter.grad = torch.empty_like(parameter).copy_(gradient)
        optimizer.step()

    step(ours, first)
    moved.load_state_dict(ours.state_dict())
    second.load_state_dict(deepcopy(first.state_dict()))
    step(ours, first)
    step(moved, second)
    torch.testing.assert_close(list(moved.parameters()), list(ours.parameters()))
