from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import core
from core import attach, checks, presets
from core.errors import InputError, ModelError, ScheduleError
from core.grouping import group_paths
from core.schedule.parse import dumps, from_raw, to_raw
from core.schedule.spec import Schedule
from tests.export.thrice import (
    CONSTANT,
    SCHEDULES,
    STEPS,
    Adapted,
    Seen,
    Small,
    assert_as_planned,
    assert_trains,
    trains,
)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_loop_of_ones_own_has_the_planned_rates_and_open_groups(name: str, tmp_path: Path):
    file = tmp_path / "schedule.json"
    file.write_text(dumps(SCHEDULES[name]), encoding="utf-8")
    model = Small()
    plan = attach(model, file, steps_per_epoch=STEPS)
    recorded = []
    for epoch in range(plan.epochs):
        plan.begin(epoch)
        for _ in range(STEPS):
            plan.optimizer.zero_grad()
            nn.functional.cross_entropy(
                model(torch.randn(4, 3, 8, 8)), torch.arange(4) % 3
            ).backward()
            rates = {group["name"]: group["lr"] for group in plan.optimizer.param_groups}
            open_now = trains(model, group_paths(plan.schedule))
            recorded.append({n: Seen(rates[n], open_now[n]) for n in rates})
            plan.optimizer.step()
            plan.scheduler.step()
    assert_as_planned(recorded, SCHEDULES[name])


@pytest.mark.parametrize("again", [False, True])
def test_what_the_model_itself_keeps_constant_never_trains(again: bool):
    schedule = SCHEDULES["gradual with restart"]
    model = Adapted()
    before = {name: model.get_parameter(name).clone() for name in CONSTANT}
    for _ in range(1 + again):  # what the first has frozen is not constant for the second
        plan = attach(model, schedule, steps_per_epoch=1)
    for epoch in (*range(plan.epochs), 2, 0, 4):
        plan.begin(epoch)
        assert_trains(model, schedule, epoch)
        nn.functional.cross_entropy(model(torch.randn(3, 3, 8, 8)), torch.arange(3)).backward()
        plan.optimizer.step()
    assert all(torch.equal(model.get_parameter(name), before[name]) for name in CONSTANT)


def test_a_model_frozen_by_hand_is_refused_where_the_schedule_would_have_it_train():
    model = Small().requires_grad_(False)
    model.fc.requires_grad_(True)
    told = r"groups\[2\].trainable lets 'layer2' train, but requires_grad is False for all"
    with pytest.raises(ModelError, match=told):
        attach(model, "exercise", 1)
    attach(model.requires_grad_(True), "exercise", 1)


def test_a_group_that_thaws_again_goes_on_with_its_momentum():
    raw = to_raw(SCHEDULES["discriminative cosine"])
    raw["lr"] = {"decay": {"shape": "constant"}}
    raw["groups"][0]["trainable"] = [[0, 1], [2, None]]
    plan = attach(Small(), from_raw(raw), 1)
    weight = plan.model.conv1.weight
    places = []
    for epoch in range(3):
        plan.begin(epoch)
        plan.optimizer.zero_grad()
        if weight.requires_grad:  # a gradient in the first epoch, and none to speak of later
            weight.grad = torch.full_like(weight, 1.0 if epoch == 0 else 0.0)
        places.append(weight.detach().clone())
        plan.optimizer.step()
    moved = weight.detach() - places[2]
    assert torch.equal(places[1], places[2])
    torch.testing.assert_close(moved, 0.9 * (places[1] - places[0]))


def test_a_presets_name_and_a_schedule_are_taken_too():
    by_name = attach(Small(), "exercise", steps_per_epoch=1)
    assert by_name.schedule == attach(Small(), presets.load("exercise"), 1).schedule
    assert not any(p.requires_grad for p in by_name.model.conv1.parameters())


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path):
    with pytest.raises(InputError, match="schedule is 'exercize', which cannot be read"):
        attach(Small(), "exercize", 1)
    with pytest.raises(InputError, match=r"schedule is 'a.*b', which cannot be read"):
        attach(Small(), "a\0b", 1)
    with pytest.raises(InputError, match=r"schedule is \{\}: give a file, a preset's name, or"):
        attach(Small(), {}, 1)
    with pytest.raises(ModelError, match="which the model does not have"):
        attach(nn.Linear(2, 2), presets.load("exercise"), 1)
    with pytest.raises(ModelError) as caught:
        attach(Small(), "ulmfit", 1)
    assert "'conv_stem', which the model does not have" in str(caught.value)
    assert str(caught.value).endswith(
        "(the preset 'ulmfit' is for timm/tf_efficientnet_lite0; for another model of torchvision "
        "or timm, attach a file from: python -m core presets ulmfit --model MODEL)"
    )


def _with_idle_epochs() -> Schedule:
    raw = to_raw(SCHEDULES["discriminative cosine"])
    for group in raw["groups"]:
        group["trainable"] = [[0, 1], [3, None]]
    return from_raw(raw)


def test_a_schedule_that_a_run_refuses_is_refused_in_the_same_words():
    with pytest.raises(ScheduleError) as refused:
        checks.refuse_errors(_with_idle_epochs())
    with pytest.raises(ScheduleError, match="are all frozen in epochs 1 to 2") as caught:
        attach(Small(), _with_idle_epochs(), 1)
    assert str(caught.value) == str(refused.value)


def test_a_model_of_ones_own_may_have_any_name():
    raw = to_raw(SCHEDULES["discriminative cosine"])
    raw["model"]["name"] = "my/network"
    plan = attach(Small(), from_raw(raw), 1)
    assert plan.schedule.model.name == "my/network"
    with pytest.raises(ScheduleError, match=r"model.name is 'my/network', which is not supported"):
        checks.refuse_errors(plan.schedule)


def test_a_folder_does_not_hide_the_preset_of_its_name(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("exercise").mkdir()
    assert attach(Small(), "exercise", 1).schedule == presets.load("exercise")


@pytest.mark.parametrize("steps", [0, -1, 31.25, 10.0, float("nan")])
def test_steps_of_an_epoch_are_a_whole_number(steps: float):
    with pytest.raises(InputError, match=r"steps_per_epoch is .*: give the optimizer steps of an"):
        attach(Small(), "exercise", steps)


def _lazy() -> nn.Module:
    model = Small()
    model.fc = nn.LazyLinear(3)
    return model


def _inferring() -> nn.Module:
    with torch.inference_mode():
        return Small()


def _partly_scripted() -> nn.Module:
    model = Small()
    model.layer1 = torch.jit.script(model.layer1)
    return model


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: None, "model is a NoneType: give the torch.nn.Module itself"),
        (lambda: "resnet18", "model is a str: give the torch.nn.Module itself"),
        (lambda: Small, "model is a type: give the torch.nn.Module itself"),
        (lambda: nn.DataParallel(Small()), "model is wrapped in DataParallel: unwrap it first: "),
        (lambda: torch.compile(Small()), "model is compiled (OptimizedModule): unwrap it first: "),
        (lambda: torch.jit.script(Small().layer1), "model is scripted or traced: give the model"),
        (_partly_scripted, "model has 'layer1', which is scripted or traced: give the model"),
        (_lazy, "model has 'fc.weight', which has no shape yet: pass a batch through"),
        (_inferring, "model has 'conv1.weight', which was made in inference mode: make or load"),
    ],
)
def test_a_model_that_cannot_be_frozen_is_refused_with_a_way_out(make, told: str):
    with pytest.raises(ModelError) as caught:
        attach(make(), presets.load("exercise"), 1)
    assert str(caught.value).startswith(told)


def test_what_an_unwrapped_model_is_attached_to_trains_under_its_wrap():
    wrapped = nn.DataParallel(Small())
    plan = attach(wrapped.module, SCHEDULES["discriminative cosine"], 1)
    before = plan.model.fc.weight.clone()
    wrapped(torch.randn(4, 3, 8, 8)).sum().backward()
    plan.optimizer.step()
    assert not torch.equal(before, plan.model.fc.weight)


def _new_head(model: nn.Module) -> None:
    model.fc = nn.Linear(4, 5)


def _assigned(model: nn.Module) -> None:
    model.load_state_dict(Small().state_dict(), assign=True)


def _without_a_layer(model: nn.Module) -> None:
    model.layer4 = nn.Identity()


@pytest.mark.parametrize("replace", [_new_head, _assigned, _without_a_layer])
def test_an_epoch_does_not_begin_once_parameters_have_been_replaced(replace):
    plan = attach(Small(), "exercise", 1)
    replace(plan.model)
    with pytest.raises(ModelError, match=r"^model .* at attach\(\).*: attach after layers are"):
        plan.begin(0)
    if replace is not _without_a_layer:
        attach(plan.model.requires_grad_(True), "exercise", 1).begin(0)


def test_an_epoch_does_not_begin_once_a_model_on_meta_has_got_its_memory():
    with torch.device("meta"):
        plan = attach(Small(), "exercise", 1)
    plan.begin(0)
    plan.model.to_empty(device="cpu")
    with pytest.raises(ModelError, match=r"^model has 'conv1.weight', .* the optimizer would not"):
        plan.begin(0)


_ELSEWHERE = """
import sys
import torch
model = torch.load("model.pt", weights_only=False)
assert not any(name.split(".")[0] == "core" for name in sys.modules)
assert all(p.requires_grad for p in model.parameters())
assert all(module.training for module in model.modules())
print(tuple(model(torch.zeros(2, 3, 8, 8)).shape))
"""


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_detached_model_is_a_plain_one_for_pickle_export_and_script(tmp_path: Path):
    images = torch.zeros(2, 3, 8, 8)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)]
    raw = to_raw(SCHEDULES["discriminative cosine"])
    raw["groups"] = [
        {"name": "body", "modules": ["0", "1"], "trainable": [[1, None]]},
        {"name": "head", "modules": ["4"], "trainable": [[0, None]]},
    ]
    plan = attach(nn.Sequential(*layers), from_raw(raw), 1)
    assert b"core.freezing" in pickle.dumps(plan.model)
    for _ in range(2):
        plan.detach()
    torch.save(plan.model, tmp_path / "model.pt")
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "(2, 3)\n", done.stderr
    plan.model.eval()
    due = plan.model(images)
    assert torch.equal(torch.jit.script(plan.model)(images), due)
    assert torch.equal(torch.export.export(plan.model, (images,)).module()(images), due)


def test_a_detached_model_has_the_gradients_that_it_had_and_can_be_taken_back():
    schedule = SCHEDULES["gradual with restart"]
    plan = attach(Adapted().eval(), schedule, 1)
    plan.detach()
    named = dict(plan.model.named_parameters())
    assert {name for name, p in named.items() if not p.requires_grad} == CONSTANT
    assert not any(vars(p) for p in named.values())
    fresh = {path: set(vars(module)) for path, module in Adapted().named_modules()}
    assert {path: set(vars(module)) for path, module in plan.model.named_modules()} == fresh
    assert not any(module._forward_pre_hooks for module in plan.model.modules())
    plan.begin(3)
    assert_trains(plan.model, schedule, 3)


def test_core_has_what_it_names_and_loads_torch_only_when_asked():
    for name in core.__all__:
        assert callable(getattr(core, name))
    code = "import core, core.schedule.spec, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"
    with pytest.raises(AttributeError, match="no attribute 'attatch'"):
        core.attatch  # noqa: B018
