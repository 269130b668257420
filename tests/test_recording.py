from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from core import (
    GradualUnfreezer,
    as_schedule,
    attach,
    create_scheduler_with_warmup,
    from_optimizer,
    get_layer_groups,
    get_optimizer_with_discriminative_lr,
    presets,
    record_json,
)
from core.errors import InputError
from core.freezing import is_held
from core.recording import OUTSIDE
from core.records.recorded_loop import differences
from core.schedule import curves
from core.schedule.parse import dumps, from_raw, parse, to_raw
from core.schedule.plan import trains_in
from tests.export.thrice import SCHEDULES, STEPS, Adapted, Small, assert_trains
from tests.records.samples import parse_record

GOLDEN = Path(__file__).parent / "golden" / "record.json"
"""A record that Thaw at commit aeada0a made of a loop."""


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_recorded_loop_of_thaws_own_is_the_schedule(name: str):
    schedule = SCHEDULES[name]
    model = Small()
    plan = attach(model, schedule, STEPS)
    found = from_optimizer(
        model,
        plan.optimizer,
        plan.scheduler,
        schedule.epochs,
        steps_per_epoch=STEPS,
        before_epoch=plan.begin,
    )
    assert differences(found, schedule) == []
    assert [(g.name, g.modules) for g in found.groups if any(g.trains)] == [
        (g.name, g.modules) for g in schedule.groups if g.trainable
    ]
    rates = curves.rates_of_steps(schedule, np.arange(schedule.epochs * STEPS), STEPS)
    for group, due in zip(schedule.groups, rates.tolist(), strict=True):
        (mine,) = [each for each in found.groups if each.name == group.name]
        assert list(mine.rates) == due
        assert list(mine.trains) == [trains_in(group, e) for e in range(schedule.epochs)]


def test_the_exercises_code_is_the_exercises_preset():
    model = Small()
    groups = get_layer_groups(model)
    optimizer = get_optimizer_with_discriminative_lr(model, groups)
    scheduler = create_scheduler_with_warmup(optimizer, 3, 20)
    unfreezer = GradualUnfreezer(
        model, groups, {0: ["head"], 2: ["layer4"], 4: ["layer3"], 6: ["layer2"]}
    )
    found = from_optimizer(model, optimizer, scheduler, 20, before_epoch=unfreezer.step)
    assert found.optimizer == "Adam"
    assert differences(found, presets.load("exercise")) == []
    late = GradualUnfreezer(
        model, groups, {0: ["head"], 3: ["layer4"], 4: ["layer3"], 6: ["layer2"]}
    )
    off = from_optimizer(model, optimizer, scheduler, 20, before_epoch=late.step)
    assert differences(off, presets.load("exercise")) == [
        "layer4 is frozen in epoch 2, not in the schedule"
    ]


@pytest.mark.parametrize("name", ["discriminative cosine", "exercise"])
def test_a_record_of_a_curve_that_thaw_has_opens_as_a_schedule(name: str):
    schedule = SCHEDULES[name]
    plan = attach(Small(), schedule, STEPS)
    found = from_optimizer(
        plan.model,
        plan.optimizer,
        plan.scheduler,
        schedule.epochs,
        steps_per_epoch=STEPS,
        before_epoch=plan.begin,
    )
    fitted = as_schedule(found, "torchvision/resnet18", schedule.model.weights)
    assert parse(dumps(fitted)) == fitted
    assert fitted.lr.decay == schedule.lr.decay
    assert fitted.lr.warmup == schedule.lr.warmup
    assert fitted.optimizer == schedule.optimizer
    assert differences(found, fitted) == []


def test_torchs_own_warmup_and_cosine_open_as_a_schedule_and_other_curves_are_refused():
    model = Small()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.25, total_iters=4),
        lr_scheduler.CosineAnnealingLR(optimizer, T_max=8, eta_min=1e-5),
    ]
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, milestones=[4])
    found = from_optimizer(model, optimizer, scheduler, 3, steps_per_epoch=4)
    fitted = as_schedule(found, "torchvision/resnet18")
    assert fitted.lr.warmup.model_dump() == {"epochs": 1, "start_factor": 0.25, "shape": "linear"}
    assert fitted.optimizer.model_dump()["weight_decay"] == 0.05
    assert differences(found, fitted) == []
    falling = torch.optim.AdamW(model.parameters(), lr=1e-3)
    to_zero = lr_scheduler.CosineAnnealingLR(falling, T_max=8)
    plain = as_schedule(from_optimizer(model, falling, to_zero, 8), "torchvision/resnet18")
    assert plain.lr.decay.model_dump() == {"shape": "cosine", "floor": {"factor": 0.0}}
    by_steps = torch.optim.SGD(model.parameters(), lr=0.1)
    stairs = from_optimizer(model, by_steps, lr_scheduler.StepLR(by_steps, 2), 8)
    fitted = as_schedule(stairs, "torchvision/resnet18")
    assert fitted.lr.decay.model_dump() == {
        "shape": "steps",
        "milestones": (0.2, 0.5, 0.7),  # the shortest that lie behind epochs 1, 3, 5
        "gamma": 0.1,
    }
    assert differences(stairs, fitted) == []
    rising = torch.optim.SGD(model.parameters(), lr=0.1)
    warming = lr_scheduler.LinearLR(rising, 0.1, total_iters=1)
    flat = as_schedule(from_optimizer(model, rising, warming, 5), "torchvision/resnet18")
    assert (flat.lr.decay.shape, flat.lr.warmup.epochs) == ("constant", 1)
    slower = torch.optim.SGD(model.parameters(), lr=0.1)
    falling_on = from_optimizer(model, slower, lr_scheduler.PolynomialLR(slower, 30, 0.5), 30)
    with pytest.raises(InputError, match="rates are none of the curves that are looked for"):
        as_schedule(falling_on, "torchvision/resnet18")
    other = torch.optim.Adagrad(model.parameters(), lr=0.1)
    with pytest.raises(InputError, match="optimizer is Adagrad"):
        as_schedule(from_optimizer(model, other, None, 2), "torchvision/resnet18")


def test_parameters_that_the_optimizer_never_got_are_told():
    model = Small()
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
    found = from_optimizer(model, optimizer, None, 2)
    by_name = {group.name: group for group in found.groups}
    assert by_name[OUTSIDE].modules == ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
    assert not any(by_name[OUTSIDE].trains)
    assert by_name["group 0"].rates == (0.1, 0.1)
    told = differences(found, presets.load("exercise"))
    assert "it has 2 epochs, the schedule 20" in told
    assert f"{OUTSIDE} is not a group of the schedule" in told


def test_a_param_group_of_which_a_part_thaws_later_comes_apart():
    model = Small()
    optimizer = torch.optim.SGD([{"params": list(model.parameters()), "lr": 0.1, "name": "all"}])

    def begin(epoch: int) -> None:
        model.requires_grad_(epoch > 0)
        model.fc.requires_grad_(True)

    found = from_optimizer(model, optimizer, None, 3, before_epoch=begin)
    assert [(group.name, group.trains) for group in found.groups] == [
        ("all", (False, True, True)),
        ("all (2)", (True, True, True)),
    ]
    assert found.groups[1].modules == ("fc",)


def _one_cycle(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    return lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=12)


def _sequential(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3),
        lr_scheduler.CosineAnnealingLR(optimizer, T_max=9),
    ]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[3])


def _steps(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
    return lr_scheduler.MultiStepLR(optimizer, [2, 5])


@pytest.mark.parametrize("make", [_one_cycle, _sequential, _steps])
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
def test_recording_leaves_everything_as_it_was_and_tells_what_the_loop_would_do(make):
    model = Small().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = make(optimizer)
    model.fc.weight.grad = torch.ones_like(model.fc.weight)

    def state() -> object:
        options = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
        flags = [(p.requires_grad, p.grad is None) for p in model.parameters()]
        return copy.deepcopy((options, scheduler.state_dict(), flags, model.training))

    def freeze(epoch: int) -> None:
        model.train()
        model.requires_grad_(False)
        model.fc.weight.grad = None
        model.fc.requires_grad_(True)

    before = state()
    found = from_optimizer(model, optimizer, scheduler, 4, steps_per_epoch=3, before_epoch=freeze)
    assert str(state()) == str(before)
    for rate in found.groups[0].rates:
        assert rate == optimizer.param_groups[0]["lr"]
        scheduler.step()


class _Queued(lr_scheduler.LRScheduler):
    """Takes each rate from what is left in a list; its state tells the epoch only."""

    def __init__(self, optimizer: torch.optim.Optimizer, rates: Iterable[float]) -> None:
        self.rates = rates
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        return [self.rates.pop(0) if isinstance(self.rates, list) else next(self.rates)]

    def state_dict(self) -> dict[str, int]:
        return {"last_epoch": self.last_epoch}


@pytest.mark.parametrize("kind", [list, iter])
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_scheduler_that_uses_itself_up_comes_back_whole(kind):
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = _Queued(optimizer, kind([0.5, 0.4, 0.3, 0.2, 0.1]))
    for _ in range(2):
        assert from_optimizer(model, optimizer, scheduler, 4).groups[0].rates == (
            0.5,
            0.4,
            0.3,
            0.2,
        )
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.4


def test_a_scheduler_that_cannot_be_put_back_is_refused_before_it_is_touched():
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = _Queued(optimizer, (0.1 * each for each in range(5, 0, -1)))
    with pytest.raises(InputError, match=r"^scheduler holds what cannot be copied .*generator"):
        from_optimizer(model, optimizer, scheduler, 2)
    assert next(scheduler.rates) == 0.4


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_the_schedulers_inside_another_stay_the_same_objects_in_the_same_state():
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    parts = [lr_scheduler.ConstantLR(optimizer, 0.5), lr_scheduler.ExponentialLR(optimizer, 0.9)]
    whole = lr_scheduler.SequentialLR(optimizer, parts, milestones=[2])
    before = [copy.deepcopy(part.state_dict()) for part in parts]
    from_optimizer(model, optimizer, whole, 4)
    assert whole._schedulers == parts
    assert [part.state_dict() for part in parts] == before


def test_what_cannot_be_recorded_is_refused():
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    other = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(InputError, match="scheduler has rates that depend on a metric"):
        from_optimizer(model, optimizer, lr_scheduler.ReduceLROnPlateau(optimizer), 2)
    with pytest.raises(InputError, match="scheduler belongs to another optimizer"):
        from_optimizer(model, optimizer, lr_scheduler.StepLR(other, 1), 2)
    with pytest.raises(InputError, match="model is a NoneType: give the torch"):
        from_optimizer(None, optimizer, None, 2)
    with pytest.raises(InputError, match="optimizer is a list: give one of"):
        from_optimizer(model, [optimizer], None, 2)
    with pytest.raises(InputError, match="scheduler is a list: give one of"):
        from_optimizer(model, optimizer, [lr_scheduler.StepLR(optimizer, 1)], 2)
    with pytest.raises(InputError, match="epochs is 0: give 1 or more"):
        from_optimizer(model, optimizer, None, 0)
    with pytest.raises(InputError, match=r"steps_per_epoch is 1\.5: give 1 or more, a whole"):
        from_optimizer(model, optimizer, None, 2, steps_per_epoch=1.5)


def test_what_an_optimizer_has_besides_its_rates_is_told_and_never_lost():
    model = Small()
    rest = [p for name, p in model.named_parameters() if not name.startswith("fc")]
    plain = {"params": model.fc.parameters(), "name": "head"}
    groups = [{"params": rest, "name": "body", "weight_decay": 0.1, "momentum": 0.5}, plain]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    found = from_optimizer(model, optimizer, None, 2)
    with pytest.raises(InputError, match=r"weight_decay is 0 and 0\.1: a schedule has one for all"):
        as_schedule(found, "torchvision/resnet18")
    optimizer.param_groups[0]["weight_decay"] = 0.0
    found = from_optimizer(model, optimizer, None, 2)
    with pytest.raises(InputError, match=r"momentum is 0\.5 and 0\.9: a schedule has one for all"):
        as_schedule(found, "torchvision/resnet18")
    optimizer.param_groups[0]["momentum"] = 0.9
    schedule = as_schedule(from_optimizer(model, optimizer, None, 2), "torchvision/resnet18")
    assert differences(found, schedule) == ["it has momentum 0.5, the schedule 0.9"]
    nesterov = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    with pytest.raises(
        InputError, match="optimizer has nesterov=True: a schedule leaves them at their default"
    ):
        as_schedule(from_optimizer(model, nesterov, None, 2), "torchvision/resnet18")
    amsgrad = from_optimizer(model, torch.optim.Adam(model.parameters(), amsgrad=True), None, 2)
    with pytest.raises(InputError, match="optimizer has amsgrad=True"):
        as_schedule(amsgrad, "torchvision/resnet18")
    assert "its optimizer is Adam, the schedule's sgd" in differences(amsgrad, schedule)


def test_a_group_of_the_same_name_with_other_parts_is_told():
    model = Small()
    rest = [p for name, p in model.named_parameters() if not name.startswith("fc")]
    optimizer = torch.optim.SGD(
        [{"params": rest, "name": "body"}, {"params": model.fc.parameters(), "name": "head"}],
        lr=0.1,
    )
    found = from_optimizer(model, optimizer, None, 2)
    raw = to_raw(as_schedule(found, "torchvision/resnet18"))
    raw["groups"][1]["modules"] = ["layer4", "fc"]
    raw["groups"][0]["modules"].remove("layer4")
    assert differences(found, from_raw(raw)) == [
        "body holds layer4, which it does not hold in the schedule",
        "head does not hold layer4, which it holds in the schedule",
    ]


def test_a_loop_that_adds_param_groups_is_refused_and_all_is_as_before():
    model = Small()
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)

    def thaw(epoch: int) -> None:
        if epoch == 1:
            optimizer.add_param_group({"params": model.layer4.parameters()})

    with pytest.raises(InputError, match="before_epoch leaves 2 param groups in epoch 1, where"):
        from_optimizer(model, optimizer, scheduler, 3, before_epoch=thaw)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1]
    assert scheduler.last_epoch == 0


def test_layers_that_freezing_holds_are_held_again_and_others_are_not():
    model = Small()
    unfreezer = GradualUnfreezer(model, get_layer_groups(model), {1: ["layer4"]})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    held = [module for module in model.modules() if is_held(module)]
    assert held
    from_optimizer(model, optimizer, None, 3, before_epoch=unfreezer.step)
    assert [module for module in model.modules() if is_held(module)] == held
    model.train()
    model(torch.zeros(2, 3, 8, 8))
    assert not any(module.training for module in held)


def test_a_plan_that_has_been_recorded_still_thaws_what_it_had_frozen():
    schedule, model = SCHEDULES["gradual with restart"], Adapted()
    plan = attach(model, schedule, STEPS)
    from_optimizer(model, plan.optimizer, plan.scheduler, 6, before_epoch=plan.begin)
    for epoch in range(plan.epochs):
        plan.begin(epoch)
        assert_trains(model, schedule, epoch)


def test_a_rate_that_is_a_tensor_is_as_before():
    model = Small()
    rate = torch.tensor(0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    found = from_optimizer(model, optimizer, scheduler, 3)
    assert found.groups[0].rates == pytest.approx((0.1, 0.05, 0.025))
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate == torch.tensor(0.1)


@pytest.mark.parametrize("kind", [torch.optim.NAdam, torch.optim.RAdam])
def test_nadam_and_radam_open_as_a_schedule_unless_they_decay_apart(
    kind: type[torch.optim.Optimizer],
):
    model = Small()
    found = from_optimizer(model, kind(model.parameters(), lr=1e-3, weight_decay=0.1), None, 2)
    optimizer = as_schedule(found, "my/model").optimizer
    assert (optimizer.title(), optimizer.base_lr, optimizer.weight_decay) == (
        kind.__name__,
        1e-3,
        0.1,
    )
    decoupled = kind(model.parameters(), lr=1e-3, decoupled_weight_decay=True)
    with pytest.raises(InputError, match="optimizer has decoupled_weight_decay=True"):
        as_schedule(from_optimizer(model, decoupled, None, 2), "my/model")


@pytest.mark.parametrize(
    ("make", "shape", "epochs"),
    [
        (lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=2), "cosine", 2),
        (lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=3), "linear", 3),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.9), "exponential", 10),
    ],
)
def test_a_curve_that_falls_at_every_one_of_few_epochs_is_not_taken_for_stairs(
    make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], shape: str, epochs: int
):
    model = Small()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorded = from_optimizer(model, optimizer, make(optimizer), epochs)
    assert as_schedule(recorded, "my/model").lr.decay.shape == shape


def test_a_record_of_an_earlier_thaw_opens_and_is_what_its_loop_gives_today():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    body, head = list(model[0].parameters()), [*model[1].parameters(), *model[2].parameters()]
    groups = [{"params": body, "lr": 1e-4}, {"params": head, "lr": 1e-3}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05)
    warmup = lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4)
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    scheduler = lr_scheduler.SequentialLR(optimizer, [warmup, cosine], [4])

    def thaw(epoch: int) -> None:
        model[0].requires_grad_(epoch >= 2)

    recorded = from_optimizer(
        model, optimizer, scheduler, epochs=6, steps_per_epoch=4, before_epoch=thaw
    )
    text = GOLDEN.read_text(encoding="utf-8")
    assert record_json(recorded, "Warmup and cosine") == text
    record = parse_record(text)
    assert (record.name, record.epochs, [group.name for group in record.groups]) == (
        "Warmup and cosine",
        6,
        ["group 0", "group 1"],
    )
