"""The flags, read as train.py reads them, given to timm's own optimizers and schedulers.

train.py comes with timm's repository and not with its package. The parser here has its names, types
and defaults as of timm 1.0.28. Where THAW_TIMM_TRAIN names that file, it is run as well.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
from typing import Any

import pytest
import timm
import torch
from timm.models import group_parameters
from timm.optim import create_optimizer_v2, optimizer_kwargs
from timm.scheduler import create_scheduler_v2, scheduler_kwargs
from torch import nn

from core import presets
from core.errors import ExportError
from core.export import timm as to_timm
from core.export.export_result import Exported, ExportSource
from core.export.targets import export
from core.models import layer_table
from core.presets import BUNDLED_MODEL, BUNDLED_WEIGHTS
from core.presets.apply import apply
from core.schedule import curves
from core.schedule.parse import from_raw, to_raw
from core.schedule.paths import covers
from core.schedule.spec import Schedule
from tests.export.trainers.cases import ODD_NAMES

STEPS = 5
TIMM_TABLES = [name for name in layer_table.known_models() if name.startswith("timm/")]


def schedule_for(model: str, /, **changed: Any) -> Schedule:
    """Discriminative cosine, all open, cut by the model's blocks; `changed` parts of it."""
    table = layer_table.load(model)
    raw: dict[str, Any] = to_raw(apply(presets.by_name("electra"), table, epochs=6))
    raw["name"] = "\\ $(exit 9) ' \" `exit 9` ; exit 9"
    raw["optimizer"] = {"name": "adamw", "base_lr": 1e-3, "weight_decay": 0.0}
    raw["lr"] = {
        "group_decay": 0.7,
        "warmup": {"epochs": 2, "start_factor": 0.1},
        "decay": {"shape": "cosine", "floor": {"factor": 0.01}},
    }
    blocks = table.groupings[-1].groups
    raw["groups"] = [
        {"name": g.name, "modules": list(g.modules), "trainable": [[0, None]]} for g in blocks
    ]
    for key, value in changed.items():
        raw[key] = {**raw[key], **value} if isinstance(value, dict) else value
    return from_raw(raw)


def made(schedule: Schedule) -> Exported:
    return export("timm", ExportSource(schedule, STEPS, layer_table.load(schedule.model.name)))


def fields(schedule: Schedule) -> list[str]:
    return [each.field for each in made(schedule).limitations]


def flags(schedule: Schedule) -> argparse.Namespace:
    """What train.py has after it has read the script's flags: its own names, types and defaults."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--pretrained", action="store_true")
    parser.add_argument("--opt", default="sgd")
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--weight-decay", type=float, default=2e-5)
    parser.add_argument("--layer-decay", type=float, default=None)
    parser.add_argument("--lr", type=float, default=None)
    parser.add_argument("--sched", default="cosine")
    parser.add_argument("--sched-on-updates", action="store_true")
    parser.add_argument("--warmup-lr", type=float, default=1e-5)
    parser.add_argument("--min-lr", type=float, default=0)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--decay-rate", type=float, default=0.1)
    parser.add_argument("--warmup-epochs", type=int, default=5)
    parser.add_argument("--warmup-prefix", action="store_true")
    text = made(schedule).content
    assert isinstance(text, str)
    shell = text.replace("python train.py", "printf '%s\\0'")
    said = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
    return parser.parse_args(said.stdout.split("\0")[:-1])


def train(schedule: Schedule) -> list[dict[str, float]]:
    """The rate of every parameter at every step of train.py's loop, without the training."""
    args = flags(schedule)
    model = network(schedule.model.name)
    optimizer = create_optimizer_v2(model, **optimizer_kwargs(cfg=args))
    scheduler, epochs = create_scheduler_v2(
        optimizer, **scheduler_kwargs(args), updates_per_epoch=STEPS
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rows, updates = [], 0
    for epoch in range(int(epochs)):
        for _ in range(STEPS):
            rows.append(
                {names[id(p)]: g["lr"] for g in optimizer.param_groups for p in g["params"]}
            )
            updates += 1
            scheduler.step_update(num_updates=updates)
        scheduler.step(epoch + 1)
    return rows


def network(name: str) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(name.removeprefix("timm/"))


def errors(schedule: Schedule, recorded: list[dict[str, float]] | None = None) -> dict[str, float]:
    """By the group's name, the largest relative error of any of its rates."""
    rows = recorded or train(schedule)
    assert len(rows) == schedule.epochs * STEPS
    found = {group.name: 0.0 for group in schedule.groups}
    for step, row in enumerate(rows):
        t = curves.time_of_step(schedule, step, STEPS)
        for group in schedule.groups:
            due = float(curves.lr(schedule, group, t))
            own = [n for n in row if any(covers(path, n) for path in group.modules)]
            assert own
            worst = max(curves.relative_error(row[name], due) for name in own)
            found[group.name] = max(found[group.name], worst)
    return found


EXACT: list[dict[str, Any]] = [
    {},
    {"lr": {"interval": "epoch"}},
    {"lr": {"warmup": {"epochs": 0}, "decay": {"shape": "linear"}}},
    {"lr": {"decay": {"shape": "polynomial", "power": 1.7, "floor": {"factor": 0.1}}}},
    {"lr": {"decay": {"shape": "constant"}}},
    {"lr": {"group_decay": 1.0, "decay": {"shape": "cosine", "floor": {"lr": 1e-5}}}},
    {"optimizer": {"name": "sgd", "base_lr": 0.1, "momentum": 0.8}},
]
"""What timm says wholly."""


@pytest.mark.parametrize("changed", EXACT)
def test_timm_has_thaws_rates_at_every_step(changed: dict[str, Any]):
    schedule = schedule_for("timm/resnet18", **changed)
    assert fields(schedule) == []
    assert max(errors(schedule).values()) <= 1e-12


def test_the_optimizer_is_the_schedules():
    schedule = schedule_for("timm/resnet18", optimizer={"name": "sgd", "base_lr": 0.1})
    optimizer = create_optimizer_v2(network("resnet18"), **optimizer_kwargs(cfg=flags(schedule)))
    assert isinstance(optimizer, torch.optim.SGD)
    assert (optimizer.defaults["momentum"], optimizer.defaults["nesterov"]) == (0.9, False)


@pytest.mark.parametrize("model", TIMM_TABLES)
def test_where_timm_cuts_elsewhere_the_export_says_so(model: str):
    told = "groups" in fields(schedule_for(model))
    net = network(model)
    layer_of = group_parameters(net, net.group_matcher(coarse=False), reverse=True)
    blocks = layer_table.load(model).groupings[-1].groups
    distances = [
        {max(layer_of.values()) - layer_of[n] for n in layer_of if covers(path, n)}
        for group in blocks
        for path in group.modules
    ]
    places = [len(blocks) - 1 - at for at, group in enumerate(blocks) for _ in group.modules]
    same = all(found == {place} for found, place in zip(distances, places, strict=True))
    assert same != told


@pytest.mark.parametrize(
    ("model", "changed", "field"),
    [
        ("timm/vit_tiny_patch16_224", {}, "groups"),
        ("timm/resnet18", {"lr": {"warmup": {"epochs": 1.5}}}, "lr.warmup.epochs"),
        ("timm/resnet18", {"lr": {"warmup": {"epochs": 2, "shape": "cosine"}}}, "lr.warmup.shape"),
        (
            "timm/resnet18",
            {"lr": {"decay": {"shape": "cosine", "floor": {"lr": 1e-5}}}},
            "lr.decay.floor",
        ),
    ],
)
def test_a_rate_that_is_lost_is_another_one_in_timm(model: str, changed: Any, field: str):
    schedule = schedule_for(model, **changed)
    assert fields(schedule) == [field]
    assert max(errors(schedule).values()) > 1e-3


def test_a_floor_of_0_is_the_same_times_each_layers_factor():
    zero = {"decay": {"shape": "cosine", "floor": {"lr": 0.0}}}
    assert fields(schedule_for("timm/resnet18", lr=zero)) == []


def test_weights_that_come_with_the_package_are_not_what_timm_downloads():
    raw = to_raw(schedule_for(BUNDLED_MODEL))
    told = {}
    for weights in (None, "in1k", BUNDLED_WEIGHTS):
        raw["model"]["weights"] = weights
        told[weights] = "model.weights" in fields(from_raw(raw))
    assert told == {None: False, "in1k": False, BUNDLED_WEIGHTS: True}


def test_weight_decay_spares_norms_and_biases_as_declared():
    schedule = schedule_for("timm/resnet18", optimizer={"weight_decay": 0.1})
    assert fields(schedule) == ["optimizer.weight_decay"]
    optimizer = create_optimizer_v2(network("resnet18"), **optimizer_kwargs(cfg=flags(schedule)))
    decays = {(p.ndim > 1, g["weight_decay"]) for g in optimizer.param_groups for p in g["params"]}
    assert decays == {(True, 0.1), (False, 0.0)}


def test_batchnorm_that_should_hold_still_moves_as_declared():
    raw = to_raw(schedule_for("timm/resnet18"))
    raw["groups"][0]["batchnorm"] = "eval"
    assert fields(from_raw(raw)) == ["groups[0].batchnorm"]
    model = timm.create_model(flags(from_raw(raw)).model)
    before = model.bn1.running_mean.clone()
    model.train()  # all that train.py does about modes, in every epoch
    model(torch.randn(2, 3, 32, 32))
    assert not torch.equal(model.bn1.running_mean, before)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lr": {"decay": {"shape": "wsd"}}}, "lr.decay.shape is 'wsd'"),
        ({"lr": {"decay": {"shape": "steps"}}}, "lr.decay.shape is 'steps'"),
        ({"lr": {"warmup": {"epochs": 6}}}, "lr.warmup.epochs is 6"),
        ({"model": {"name": "torchvision/resnet18", "weights": None}}, "model.name is 'torchvi"),
    ],
)
def test_what_timm_would_get_wrong_is_refused(changed: Any, message: str):
    schedule = schedule_for("timm/resnet18", **changed)
    with pytest.raises(ExportError, match=message):
        made(schedule)


@pytest.mark.parametrize("windows", [[], [[2, None]]])
def test_what_is_frozen_in_some_epochs_or_all_is_refused_by_all_its_names(windows: list[Any]):
    raw = to_raw(schedule_for("timm/resnet18"))
    raw["groups"][0]["trainable"] = raw["groups"][1]["trainable"] = windows
    both = [repr(group["name"]) for group in raw["groups"][:2]]
    with pytest.raises(ExportError, match=f"groups leave {' and '.join(both)} frozen in some"):
        made(from_raw(raw))


def test_rates_that_do_not_fall_from_block_to_block_are_refused():
    raw = to_raw(schedule_for("timm/resnet18"))
    raw["groups"][-1]["lr_scale"] = 2.5
    with pytest.raises(ExportError, match="groups have their own rates"):
        made(from_raw(raw))
    stages = apply(presets.by_name("discriminative"), layer_table.load("timm/resnet18"))
    raw = to_raw(stages)
    for group in raw["groups"]:
        group.pop("lr_scale", None)
    with pytest.raises(ExportError, match="groups are not the model's blocks"):
        made(from_raw(raw))


def test_weights_are_part_of_the_models_name_and_quoted():
    plain = flags(schedule_for("timm/resnet18"))
    assert plain.pretrained
    odd = schedule_for("timm/resnet18", model={"name": "timm/my_model", "weights": ODD_NAMES[5]})
    odd = odd.model_copy(update={"lr": odd.lr.model_copy(update={"group_decay": 1.0})})
    text = to_timm.export(ExportSource(odd, STEPS)).content
    assert isinstance(text, str)
    assert shlex.quote(f"my_model.{ODD_NAMES[5]}") in text
