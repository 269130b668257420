from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.export import module
from core.freezing import apply_plan
from core.grouping import group_paths, resolve_groups
from core.models import layer_table
from core.optimizer import build_optimizer
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from core.scheduler import ScheduleLR
from tests.export.made import assert_table_is_the_plan, run_code, source
from tests.export.thrice import (
    SCHEDULES,
    STEPS,
    Adapted,
    Seen,
    Small,
    assert_as_planned,
    assert_trains,
    trains,
)
from tests.schedule.strategies import schedules

IMAGES = torch.randn(STEPS, 6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(3, (STEPS, 6), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_loop_with_the_module_has_thaws_rates_and_open_groups_at_every_step(name: str):
    schedule = SCHEDULES[name]
    code = run_code(module.export(source(schedule)).content)
    model = Small()
    optimizer = code.make_optimizer(model)
    scheduler = code.make_scheduler(optimizer, STEPS)
    recorded = []
    for epoch in range(code.EPOCHS):
        model.train()
        code.freeze(model, epoch)
        for images, labels in zip(IMAGES, LABELS, strict=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
            open_now = trains(model, group_paths(schedule))
            recorded.append({n: Seen(rates[n], open_now[n]) for n in rates})
            optimizer.step()
            scheduler.step()
    assert_as_planned(recorded, schedule)


@pytest.mark.parametrize("name", SCHEDULES)
def test_it_ends_with_the_weights_and_statistics_of_thaws_own_parts(name: str):
    schedule = SCHEDULES[name]
    code = run_code(module.export(source(schedule)).content)
    torch.manual_seed(3)
    theirs = Small()
    ours = copy.deepcopy(theirs)
    optimizer = code.make_optimizer(theirs)
    scheduler = code.make_scheduler(optimizer, STEPS)
    groups = resolve_groups(ours, group_paths(schedule))
    own = build_optimizer(schedule, groups)
    own_scheduler = ScheduleLR(own, schedule, STEPS)
    for epoch in range(schedule.epochs):
        theirs.train()
        code.freeze(theirs, epoch)
        ours.train()
        apply_plan(groups, schedule, epoch)
        for images, labels in zip(IMAGES, LABELS, strict=True):
            for model, steps in ((theirs, optimizer), (ours, own)):
                steps.zero_grad()
                nn.functional.cross_entropy(model(images), labels).backward()
                steps.step()
            scheduler.step()
            own_scheduler.step()
    for name, tensor in ours.state_dict().items():
        torch.testing.assert_close(theirs.state_dict()[name], tensor, rtol=1e-6, atol=1e-7)


def test_what_the_model_itself_keeps_constant_never_trains():
    schedule = SCHEDULES["gradual with restart"]
    code = run_code(module.export(source(schedule)).content)
    model = Adapted()
    for epoch in (*range(code.EPOCHS), 2, 0, 4):
        code.freeze(model, epoch)
        assert_trains(model, schedule, epoch)
    with pytest.raises(ValueError, match="all of layer2 has requires_grad=False, yet is to train"):
        code.freeze(Small().requires_grad_(False), 0)


@given(schedules(), st.integers(1, 9))
def test_the_table_of_any_schedule_equals_the_plan(schedule: Schedule, steps: int):
    code = run_code(module.export(source(schedule)).content)
    assert_table_is_the_plan(code, schedule, steps)


def test_a_parameter_that_a_group_names_by_itself_is_frozen_and_thawed_too():
    raw = to_raw(SCHEDULES["gradual with restart"])
    raw["groups"][0]["modules"] = ["conv1.weight", "conv1.bias", "bn1"]
    schedule = from_raw(raw)
    code = run_code(module.export(source(schedule, None)).content)
    model = Small().train()
    code.freeze(model, 0)
    assert not any(p.requires_grad for p in model.conv1.parameters())
    assert not model.bn1.training
    assert model.fc.training
    held = code.make_optimizer(model).param_groups[0]["params"]
    assert {id(p) for p in held} >= {id(model.conv1.weight), id(model.conv1.bias)}


def test_a_path_that_the_model_does_not_have_is_no_empty_group():
    known = run_code(
        module.export(
            source(SCHEDULES["exercise"], layer_table.load("torchvision/resnet18"))
        ).content
    )
    with pytest.raises(AttributeError, match="conv1"):
        known.make_optimizer(nn.DataParallel(Small()))


def test_batchnorm_that_keeps_its_statistics_is_in_eval_mode_while_its_group_trains():
    raw = to_raw(SCHEDULES["discriminative cosine"])
    raw["groups"][1]["batchnorm"] = "eval"
    code = run_code(module.export(source(from_raw(raw))).content)
    model = Small().train()
    code.freeze(model, 0)
    assert not model.layer1[1].training
    assert model.layer1[0].training
    assert model.layer2[1].training
