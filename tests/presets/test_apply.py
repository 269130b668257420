"""Laws of presets applied to models: roles, patterns, and lengths that are stretched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.errors import ModelError
from core.models import layer_table
from core.presets import schema
from core.presets.apply import apply, roles
from core.presets.schema import Preset
from core.schedule import plan
from core.schedule.spec import ModelRef, Schedule

RESNET = layer_table.load("torchvision/resnet18")
BUNDLED = layer_table.load(presets.BUNDLED_MODEL)


def recipe(*rules: dict[str, Any], **more: Any) -> Preset:
    raw = {
        "format": "thaw.preset",
        "version": 1,
        "name": "made-up",
        "title": "Made up",
        "family": "thaw",
        "when": "In a test.",
        "sources": [{"citation": "Nobody", "where": "nowhere"}],
        "epochs": 10,
        "optimizer": {"name": "adam", "base_lr": 1e-3},
        "rules": list(rules),
        **more,
    }
    return schema.parse_preset(json.dumps(raw))


def windows(schedule: Schedule) -> dict[str, Any]:
    return {group.name: group.trainable for group in schedule.groups}


OPEN = ((0, None),)


def test_roles_are_the_stem_thirds_of_the_body_and_the_head():
    told = [sorted(each - {"all", "backbone"}) for each in roles(6)]
    assert told == [["stem"], ["first"], ["middle"], ["middle"], ["last"], ["head"]]


@given(st.integers(2, 600))
def test_every_group_has_one_place_and_thirds_differ_by_one_group_at_most(count: int):
    found = roles(count)
    places = ["head", "stem", "first", "middle", "last"]
    assert all(sum(place in each for place in places) == 1 for each in found)
    assert ["head" in each for each in found].index(True) == count - 1
    assert all(("backbone" in each) != ("head" in each) for each in found)
    thirds = [sum(third in each for each in found) for third in ("first", "middle", "last")]
    assert sum(thirds) == count - 2
    assert thirds[0] == thirds[2]
    assert abs(thirds[1] - thirds[0]) <= 2


def test_the_first_rule_of_a_groups_roles_tells_and_without_one_it_stays_frozen():
    made = apply(
        recipe(
            {"role": "head", "trainable": [[0, None]], "lr_scale": 2.0},
            {"role": "last", "trainable": [[3, None]]},
            {"role": "all", "when_frozen": "train"},
        ),
        RESNET,
    )
    assert windows(made)["head"] == OPEN
    assert windows(made)["layer4"] == ((3, None),)
    assert windows(made)["layer3"] == ()
    assert made.group("head").lr_scale == 2.0
    assert made.group("stem").when_frozen == "train"
    frozen = apply(recipe({"role": "head", "trainable": [[0, None]]}), RESNET)
    assert [group.trainable for group in frozen.groups[:-1]] == [()] * 5


def test_a_cascade_thaws_from_the_head_down_as_far_as_it_says():
    rule = {"role": "all", "pattern": {"kind": "cascade", "every": 2, "groups": 3}}
    assert windows(apply(recipe(rule), RESNET)) == {
        "stem": (),
        "layer1": (),
        "layer2": (),
        "layer3": ((4, None),),
        "layer4": ((2, None),),
        "head": OPEN,
    }


def test_a_chain_trains_the_head_then_each_group_alone_then_all():
    rule = {"role": "all", "pattern": {"kind": "chain"}}
    made = apply(recipe(rule, epochs=2, epochs_per_group=1), RESNET)
    open_by_epoch = [plan.training_groups(made, epoch) for epoch in range(made.epochs)]
    names = tuple(group.name for group in made.groups)
    assert open_by_epoch == [("head",), *((name,) for name in names[:-1]), names, names]


def test_coarse_default_and_finest_are_the_tables_groupings():
    always = {"role": "all", "trainable": [[0, None]]}
    made = {
        fineness: [g.name for g in apply(recipe(always, grouping=fineness), RESNET).groups]
        for fineness in ("coarse", "default", "finest")
    }
    coarse, *_, finest = RESNET.groupings
    assert made["coarse"] == [group.name for group in coarse.groups]
    assert made["default"] == [group.name for group in RESNET.groups]
    assert made["finest"] == [group.name for group in finest.groups]


def test_a_role_that_a_coarse_cut_lacks_takes_a_finer_one():
    rules = (
        {"role": "head", "trainable": [[0, None]]},
        {"role": "middle", "trainable": [[0, None]]},
    )
    made = apply(recipe(*rules, grouping="coarse"), RESNET)
    assert [group.name for group in made.groups] == [group.name for group in RESNET.groups]
    short = RESNET.model_copy(
        update={"groupings": RESNET.groupings[:1], "default": RESNET.groupings[0].name}
    )
    with pytest.raises(ModelError, match="too few groups for the preset 'made-up'"):
        apply(recipe(*rules), short)


def test_batchnorm_is_held_only_where_there_is_any():
    rule = {"role": "all", "trainable": [[0, None]], "batchnorm": "eval"}
    assert {g.name: g.batchnorm for g in apply(recipe(rule), RESNET).groups}["head"] is None
    assert {g.batchnorm for g in apply(recipe(rule), RESNET).groups[:-1]} == {"eval"}
    vit = layer_table.load("timm/vit_tiny_patch16_224")
    assert {g.batchnorm for g in apply(recipe(rule), vit).groups} == {None}


def test_the_lowest_scale_spreads_the_groups_evenly_down_to_it():
    always = {"role": "all", "trainable": [[0, None]]}
    made = apply(recipe(always, lr={"lowest_scale": 0.01}), RESNET)
    assert made.lr.group_decay**5 == pytest.approx(0.01)


def test_a_model_and_its_weights_stay():
    model = ModelRef(name="torchvision/resnet50", weights="IMAGENET1K_V1")
    table = layer_table.load(model.name)
    for name in presets.names():
        assert apply(presets.by_name(name), table, model).model == model
        assert apply(presets.by_name(name), table).model.weights == table.weights[0]


@given(st.sampled_from(presets.names()), st.integers(1, 40))
def test_a_recipe_of_any_length_trains_something_in_every_epoch(name: str, epochs: int):
    made = apply(presets.by_name(name), BUNDLED, epochs=epochs)
    assert made.epochs == epochs
    assert all(phase.training for phase in plan.phases(made))
    own = presets.load(name)
    assert made.lr.warmup.epochs / epochs == pytest.approx(
        apply(presets.by_name(name), BUNDLED).lr.warmup.epochs
        / apply(presets.by_name(name), BUNDLED).epochs
    )
    assert made.optimizer == own.optimizer


@given(st.sampled_from(presets.names()), st.integers(2, 4))
def test_a_longer_recipe_thaws_and_freezes_at_the_same_shares_of_the_run(name: str, times: int):
    once = apply(presets.by_name(name), BUNDLED)
    more = apply(presets.by_name(name), BUNDLED, epochs=once.epochs * times)
    if name != "freeze-out":  # whose shares are rounded anew
        stretched = [
            [(start * times, end and end * times) for start, end in group.trainable]
            for group in once.groups
        ]
        assert [list(group.trainable) for group in more.groups] == stretched
