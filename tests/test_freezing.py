from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models import resnet18

from core.errors import InputError, ModelError
from core.freezing import (
    GradualUnfreezer,
    apply_plan,
    count_trainable,
    freeze_group,
    set_group,
    unfreeze_group,
)
from core.grouping import get_layer_groups
from core.schedule import plan
from core.schedule.optimizers import Adam
from core.schedule.spec import Group, ModelRef, Schedule
from core.training.models import build

NAMES = ("stem", "body", "head")


def tiny() -> nn.ModuleDict:
    """Three groups; the first two have BatchNorm and dropout."""
    torch.manual_seed(0)
    return Chain(
        {
            "stem": nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)),
            "body": nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)),
            "head": nn.Linear(6, 3),
        }
    )


class Chain(nn.ModuleDict):
    def forward(self, x: Tensor) -> Tensor:
        for part in self.values():
            x = part(x)
        return x


def groups_of(model: nn.ModuleDict) -> dict[str, list[nn.Module]]:
    return {name: [model[name]] for name in NAMES}


def schedule(*groups: Group, epochs: int = 8) -> Schedule:
    return Schedule(
        format="thaw.schedule",
        version=1,
        name="Test",
        model=ModelRef(name="test/tiny"),
        epochs=epochs,
        optimizer=Adam(name="adam", base_lr=1e-3),
        groups=groups,
    )


def batch() -> Tensor:
    return torch.randn(16, 6) + 3.0


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        model(batch()).square().mean().backward()
        optimizer.step()


def bits(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(before: dict[str, Tensor], after: dict[str, Tensor]) -> bool:
    return before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


def state(model: nn.Module) -> tuple[object, ...]:
    """What a training loop sees: gradients needed, gradients left, modes of a forward pass."""
    model.train()
    model(batch())
    return (
        {name: (p.requires_grad, p.grad is None) for name, p in model.named_parameters()},
        {name: module.training for name, module in model.named_modules()},
    )


def test_count_trainable_follows_the_exercise():
    model = resnet18()
    groups = get_layer_groups(model)
    assert count_trainable(model) == 11_689_512
    for layers in groups.values():
        freeze_group(layers)
    assert count_trainable(model) == 0
    unfreeze_group(groups["head"])
    assert count_trainable(model) == 513_000
    unfreeze_group(groups["layer4"])
    assert count_trainable(model) == 513_000 + 8_393_728


def test_the_exercises_unfreezer_opens_head_layer4_layer3_layer2_over_eight_epochs():
    model = build("torchvision/resnet18", device="meta")
    unfreezer = GradualUnfreezer(
        model,
        get_layer_groups(model),
        {0: ["head"], 2: ["layer4"], 4: ["layer3"], 6: ["layer2"]},
    )
    counts = [count_trainable(model)]
    for epoch in range(8):
        unfreezer.step(epoch)
        counts.append(count_trainable(model))
    head, layer4, layer3, layer2 = 513_000, 8_906_728, 11_006_440, 11_532_008
    assert counts == [head, head, head, layer4, layer4, layer3, layer3, layer2, layer2]


@pytest.mark.parametrize("order", ["train, freeze", "freeze, train", "train, freeze, train, train"])
def test_a_frozen_group_holds_still_bit_for_bit_whenever_train_is_called(order: str):
    model = tiny()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    for call in order.split(", "):
        model.train() if call == "train" else freeze_group([model["stem"]])
    before = {name: bits(part) for name, part in model.items()}
    for _ in range(2):
        train(model, optimizer)
        model.eval()
        model(batch())
        model.train()
    assert same(before["stem"], bits(model["stem"]))
    assert not same(before["body"], bits(model["body"]))


@pytest.mark.parametrize("frozen", [True, False])
def test_dropout_is_random_unless_its_group_is_frozen(frozen: bool):
    model = tiny()
    set_group([model["stem"]], trainable=not frozen)
    model.train()
    x = batch()
    assert torch.equal(model["stem"](x), model["stem"](x)) is frozen


def test_frozen_batchnorm_drifts_when_it_is_told_to_train():
    model = tiny()
    set_group([model["stem"]], trainable=False, when_frozen="train")
    model.train()
    before = bits(model["stem"])
    train(model, torch.optim.SGD(model.parameters(), lr=0.1))
    after = bits(model["stem"])
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}


def test_a_held_group_that_is_then_told_to_train_drifts_again():
    model = tiny().train()
    freeze_group([model["stem"]])
    set_group([model["stem"]], trainable=False, when_frozen="train")
    before = bits(model["stem"])
    model(batch())
    assert not same(before, bits(model["stem"]))


def test_the_batchnorms_of_timm_hold_still_too():
    model = build("timm/tf_efficientnet_lite0")
    groups = get_layer_groups(model)
    GradualUnfreezer(model, groups, {0: ["head"]})
    model.train()
    before = bits(model)
    with torch.no_grad():
        model(torch.randn(2, 3, 32, 32))
    assert same(before, bits(model))
    unfreeze_group(groups["stage1"])
    with torch.no_grad():
        model(torch.randn(2, 3, 32, 32))
    after = bits(model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith("blocks.1.") for name in moved)


def test_a_group_frozen_again_loses_its_gradients_and_adam_leaves_it_alone():
    model = tiny().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    train(model, optimizer)
    assert model["body"][0].weight.grad is not None
    freeze_group([model["body"]])
    assert all(p.grad is None for p in model["body"].parameters())
    before = bits(model["body"])
    optimizer.step()
    assert same(before, bits(model["body"]))


def test_adam_moves_a_parameter_whose_gradient_was_left_in_place():
    # the fault that the test above is about
    model = tiny().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    train(model, optimizer)
    model["body"].requires_grad_(False)
    before = bits(model["body"])
    optimizer.step()
    assert not same(before, bits(model["body"]))


def test_freezing_many_times_and_thawing_once_lets_the_group_move():
    model = tiny()
    for _ in range(5):
        freeze_group([model["stem"]])
        model.train()
    unfreeze_group([model["stem"]])
    assert all(module.training for module in model.modules())
    before = bits(model["stem"])
    train(model, torch.optim.SGD(model.parameters(), lr=0.1), steps=1)
    after = bits(model["stem"])
    # BatchNorm takes the mean away, so a bias before it has no gradient but rounding
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved | {"0.bias"} == set(before)


def test_freezing_leaves_the_state_dict_as_it_was():
    model = tiny()
    before = bits(model)
    freeze_group([model])
    assert same(before, bits(model))
    tiny().load_state_dict(model.state_dict())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_frozen_and_thaws_by_itself(copied):
    model = tiny()
    freeze_group([model["stem"]])
    twin = copied(model)
    unfreeze_group([twin["stem"]])
    frozen, thawed = bits(model["stem"]), bits(twin["stem"])
    model.train()(batch())
    twin.train()(batch())
    assert same(frozen, bits(model["stem"]))
    assert not same(thawed, bits(twin["stem"]))


def test_a_copy_of_a_frozen_model_holds_still():
    twin = copy.deepcopy(tiny())
    freeze_group([twin["stem"]])
    twin = copy.deepcopy(twin)
    before = bits(twin["stem"])
    twin.train()(batch())
    assert same(before, bits(twin["stem"]))


def test_a_traced_graph_of_a_frozen_model_holds_still():
    model = resnet18()
    freeze_group([model])
    graph = torch.fx.symbolic_trace(model)
    before = bits(graph)
    graph.train()(torch.randn(2, 3, 32, 32))
    assert same(before, bits(graph))


def test_a_part_thawed_within_a_frozen_group_moves_alone():
    model = tiny()
    freeze_group([model])
    unfreeze_group([model["body"]])
    before = {name: bits(part) for name, part in model.items()}
    model.train()(batch())
    assert [same(before[name], bits(model[name])) for name in NAMES] == [True, False, True]


def test_opening_a_group_leaves_a_module_alone_that_freezing_did_not_hold():
    model = tiny().train()
    model["stem"][1].eval()
    unfreeze_group([model["stem"]])
    assert not model["stem"][1].training


def test_groups_thawed_while_the_model_is_evaluated_stay_in_eval_mode():
    model = tiny()
    unfreezer = GradualUnfreezer(model, groups_of(model), {0: ["head"], 1: ["body"]})
    model.eval()
    unfreezer.step(1)
    assert not any(module.training for module in model.modules())
    assert model["body"][0].weight.requires_grad


def test_a_plan_thaws_into_the_mode_it_is_told():
    model = tiny()
    opens_at_1 = schedule(*(Group(name=n, modules=(n,), trainable=((1, None),)) for n in NAMES))
    apply_plan(groups_of(model), opens_at_1, 0)
    model.eval()
    apply_plan(groups_of(model), opens_at_1, 1, training=False)
    assert not any(module.training for module in model.modules())


def test_a_frozen_group_shows_eval_mode_at_once_even_to_code_that_passes_by_hooks():
    model = tiny().train()
    freeze_group([model["stem"]])
    assert not any(module.training for module in model["stem"].modules())
    before = bits(model["stem"])
    model["stem"][1].forward(batch())
    assert same(before, bits(model["stem"]))


def test_a_bare_parameter_freezes_and_thaws():
    parameter = nn.Parameter(torch.ones(2))
    parameter.sum().backward()
    freeze_group([parameter])
    assert not parameter.requires_grad
    assert parameter.grad is None
    unfreeze_group([parameter])
    assert parameter.requires_grad


def test_an_integer_parameter_is_left_alone():
    levels = nn.Parameter(torch.ones(2, dtype=torch.int8), requires_grad=False)
    weight = nn.Parameter(torch.ones(2))
    for change in (freeze_group, unfreeze_group):
        change([levels, weight])
        assert not levels.requires_grad
    assert weight.requires_grad


def test_to_thaw_a_group_by_hand_thaws_all_of_it():
    model = tiny().requires_grad_(False)
    unfreezer = GradualUnfreezer(model, groups_of(model), {0: ["head"], 1: ["body"]})
    unfreezer.step(1)
    assert count_trainable(model) == sum(
        p.numel() for name in ("head", "body") for p in model[name].parameters()
    )


openings = st.dictionaries(
    st.integers(0, 5), st.lists(st.sampled_from(NAMES), unique=True), max_size=4
)


@given(openings, st.permutations(range(7)), st.integers(1, 7))
def test_the_unfreezers_state_depends_on_the_epoch_alone(
    opens: dict[int, list[str]], epochs: Sequence[int], visited: int
):
    walked, fresh = tiny(), tiny()
    unfreezer = GradualUnfreezer(walked, groups_of(walked), opens)
    for epoch in epochs[:visited]:
        unfreezer.step(epoch)
        state(walked)
    GradualUnfreezer(fresh, groups_of(fresh), opens).step(epochs[visited - 1])
    assert state(walked) == state(fresh)
    last = epochs[visited - 1]
    for name in NAMES:
        should_train = any(epoch <= last and name in names for epoch, names in opens.items())
        assert all(p.requires_grad is should_train for p in walked[name].parameters())


windows = st.sampled_from([(), ((0, None),), ((1, 3),), ((0, 2), (4, None)), ((2, 3), (5, 6))])
planned = st.builds(
    lambda opens, frozen: schedule(
        *(
            Group(name=name, modules=(name,), trainable=trainable, when_frozen=mode)
            for name, trainable, mode in zip(NAMES, opens, frozen, strict=True)
        )
    ),
    st.tuples(windows, windows, windows),
    st.tuples(*[st.sampled_from(["eval", "train"])] * 3),
)


@given(planned, st.permutations(range(8)), st.integers(1, 8))
def test_a_plans_state_depends_on_the_epoch_alone(
    schedule: Schedule, epochs: Sequence[int], visited: int
):
    walked, fresh = tiny(), tiny()
    for epoch in epochs[:visited]:
        apply_plan(groups_of(walked), schedule, epoch)
        state(walked)
    last = epochs[visited - 1]
    apply_plan(groups_of(fresh), schedule, last)
    apply_plan(groups_of(fresh), schedule, last)
    assert state(walked) == state(fresh)
    for group in schedule.groups:
        should_train = plan.trains_in(group, last)
        part = walked[group.name]
        assert all(p.requires_grad is should_train for p in part.parameters())
        held = not should_train and group.when_frozen == "eval"
        assert all(module.training is not held for module in part.modules())


@pytest.mark.parametrize(
    ("opens", "message"),
    [
        (
            {0: ["haed"]},
            "unfreeze_schedule[0] has 'haed', which is not a group: did you mean 'head'?",
        ),
        ({-1: ["head"]}, "unfreeze_schedule[-1] is not an epoch: count epochs from 0"),
        ({"0": ["head"]}, "unfreeze_schedule['0'] is not an epoch: count epochs from 0"),
        ({0: "head"}, "unfreeze_schedule[0] is 'head', not a list: write ['head']"),
    ],
)
def test_a_bad_unfreeze_schedule_is_refused(opens, message: str):
    model = tiny()
    with pytest.raises(InputError) as caught:
        GradualUnfreezer(model, groups_of(model), opens)
    assert str(caught.value) == message


def test_an_unfreezer_refuses_groups_that_leave_parameters_out():
    model = tiny()
    with pytest.raises(ModelError, match=r"^groups leave out 'stem.0.weight', "):
        GradualUnfreezer(model, {"head": [model["head"]]}, {0: ["head"]})


def test_an_unfreezer_refuses_a_head_that_has_been_replaced_since_it_was_made():
    model = tiny()
    unfreezer = GradualUnfreezer(model, groups_of(model), {0: ["head"]})
    model["head"] = nn.Linear(6, 5)
    with pytest.raises(ModelError, match="make the groups from this model, after its layers have"):
        unfreezer.step(1)


def test_negative_epochs_are_refused():
    model = tiny()
    unfreezer = GradualUnfreezer(model, groups_of(model), {0: ["head"]})
    only = schedule(Group(name="head", modules=("head",)))
    with pytest.raises(InputError, match=r"^epoch is -1: count epochs from 0$"):
        unfreezer.step(-1)
    with pytest.raises(InputError, match=r"^epoch is -1: count epochs from 0$"):
        apply_plan(groups_of(model), only, -1)
    for epoch, told in ((1.5, "1.5"), (float("nan"), "NaN")):
        with pytest.raises(InputError, match=f"^epoch is {told}: give a whole number from 0$"):
            apply_plan(groups_of(model), only, epoch)


def test_a_layer_without_a_list_around_it_is_refused():
    with pytest.raises(InputError, match=r"^layers is one Linear, not a list: .* \[layer\]$"):
        freeze_group(nn.Linear(2, 2))


def test_a_layers_name_in_place_of_the_layer_is_refused():
    with pytest.raises(InputError, match=r"^layers\[1\] is a str: give modules and parameters"):
        unfreeze_group([nn.Linear(2, 2), "layer4"])


def test_a_plan_for_a_group_without_layers_is_refused():
    model = tiny()
    with pytest.raises(InputError, match=r"^layer_groups have no group 'bdy': did you mean 'body'"):
        apply_plan(groups_of(model), schedule(Group(name="bdy", modules=("body",))), 0)


def test_batchnorm_eval_keeps_the_statistics_of_a_group_that_trains() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    set_group([model], trainable=True, batchnorm="eval")
    model.train()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    model(torch.randn(8, 3, 6, 6)).sum().backward()
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())
    assert model[1].weight.grad is not None
    assert model[2].training


def test_batchnorm_moves_again_when_it_is_no_longer_held() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    set_group([model], trainable=True, batchnorm="eval")
    set_group([model], trainable=True)
    before = model[1].running_mean.clone()
    model(torch.randn(8, 3, 6, 6))
    assert not torch.equal(model[1].running_mean, before)


def test_a_frozen_group_in_train_mode_still_holds_its_batchnorm_if_told_to() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
    set_group([model], trainable=False, when_frozen="train", batchnorm="eval")
    model.train()
    before = model[1].running_mean.clone()
    model(torch.randn(8, 3, 6, 6))
    assert torch.equal(model[1].running_mean, before)
    assert model[2].training
