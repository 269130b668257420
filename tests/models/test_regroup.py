from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import checks, presets
from core.errors import ScheduleError
from core.models import layer_table, regroup
from core.models.layer_table import LayerTable, count_elements, parameter_counts
from core.models.module_tree import Tree, TreePart
from core.schedule import edits, plan
from core.schedule.curves import scale
from core.schedule.parse import dumps, from_raw, parse, to_raw
from core.schedule.paths import prefixes
from core.schedule.spec import Schedule
from tests.schedule.strategies import real_schedules, schedules

EXERCISE = presets.load("exercise")
RESNET = layer_table.load("torchvision/resnet18")
VIT = layer_table.load("timm/vit_tiny_patch16_224")


def table_of(schedule: Schedule) -> LayerTable:
    return layer_table.load(schedule.model.name)


def parts(schedule: Schedule, table: LayerTable) -> list[tuple[TreePart, ...]]:
    """The parts of every group, both from input to output."""
    tree = Tree(table)
    return [tree.parts(tree.tidy(group.modules)) for group in schedule.groups]


def modules(schedule: Schedule) -> dict[str, tuple[str, ...]]:
    return {group.name: group.modules for group in schedule.groups}


def owners(schedule: Schedule) -> dict[str, int]:
    """The group of every parameter; fails if one has none or two."""
    found: dict[str, int] = {}
    for parameter in parameter_counts(table_of(schedule)):
        holders = {
            at
            for at, group in enumerate(schedule.groups)
            if not set(prefixes(parameter)).isdisjoint(group.modules)
        }
        (found[parameter],) = holders
    return found


def order(schedule: Schedule) -> list[str]:
    """Every parameter in the order in which the groups and their paths list them."""
    counts = parameter_counts(table_of(schedule))
    paths = [path for group in schedule.groups for path in group.modules]
    return [each for path in paths for each in counts if path in prefixes(each)]


def trained(schedule: Schedule) -> dict[str, tuple[Any, ...]]:
    """How every parameter trains: its open epochs, its scale, its group's modes."""
    groups = schedule.groups
    how = [
        (plan.training_spans(g, schedule.epochs), scale(schedule, g), g.when_frozen, g.batchnorm)
        for g in groups
    ]
    return {parameter: how[at] for parameter, at in owners(schedule).items()}


def same_training(one: Schedule, other: Schedule) -> bool:
    before, after = trained(one), trained(other)
    return all(
        now == (was[0], pytest.approx(was[1], rel=1e-8), *was[2:])
        for was, now in zip(before.values(), after.values(), strict=True)
    )


def within(table: LayerTable, group_modules: tuple[str, ...]) -> list[str]:
    """Every path of the group's modules and of what is inside them."""
    return [path for path in table.sizes if not set(prefixes(path)).isdisjoint(group_modules)]


@st.composite
def regrouped(draw: st.DrawFn) -> Schedule:
    """A schedule of a real model after some splits, merges, moves and scales of its own."""
    schedule = draw(real_schedules())
    raw = to_raw(schedule)
    raw["lr"]["group_decay"] = draw(st.sampled_from([0.1, 0.5, 0.9, 1.0]))
    raw["groups"][0]["lr_scale"] = draw(st.sampled_from([0.3, 2.0]))
    schedule = from_raw(raw)
    for _ in range(draw(st.integers(0, 4))):
        try:
            schedule = draw(edited(schedule))
        except ScheduleError:
            continue
    return schedule


@st.composite
def edited(draw: st.DrawFn, schedule: Schedule) -> Schedule:
    """The schedule after one edit that may be refused."""
    table = table_of(schedule)
    place = draw(st.integers(0, len(schedule.groups) - 1))
    group = schedule.groups[place]
    part = draw(st.sampled_from(within(table, group.modules)))
    verb = draw(st.sampled_from(["split", "merge", "move"]))
    if verb == "split":
        return regroup.split_group(schedule, table, group.name, part)
    if verb == "merge":
        other = draw(st.sampled_from(schedule.groups))
        return regroup.merge_groups(schedule, table, group.name, other.name)
    way = draw(st.sampled_from(["input", "output"]))
    return regroup.move_part(schedule, table, group.name, part, way)


def cuts(schedule: Schedule, table: LayerTable) -> list[tuple[str, str]]:
    """Every (group, part) at which a group can be split, modules opened once."""
    tree, found = Tree(table), []
    for group, own in zip(schedule.groups, parts(schedule, table), strict=True):
        opened = [p for part in own for p in (tree.children(part.path) or (part.path,))]
        found += [(group.name, path) for path in opened[1:]]
    return found


@given(regrouped())
def test_whatever_the_edits_each_parameter_is_in_one_group_in_the_old_order_and_all_are_counted(
    schedule: Schedule,
):
    table = table_of(schedule)
    default = edits.use_model(EXERCISE, table)
    assert set(owners(schedule)) == set(parameter_counts(table))
    assert order(schedule) == order(default)
    assert sum(count_elements(table, g.modules) for g in schedule.groups) == table.parameters
    assert sum(p.parameters for own in parts(schedule, table) for p in own) == table.parameters
    assert parse(dumps(schedule)) == schedule
    wrong = {problem.code for problem in checks.errors(schedule, table)}
    assert wrong.isdisjoint({"nested-path", "unknown-path", "ungrouped"})


@given(regrouped(), st.data())
def test_a_split_changes_nothing_of_the_training_and_a_merge_takes_it_back(
    schedule: Schedule, data: st.DataObject
):
    table = table_of(schedule)
    group, at = data.draw(st.sampled_from(cuts(schedule, table)))
    split = regroup.split_group(schedule, table, group, at)
    assert same_training(schedule, split)
    assert order(split) == order(schedule)
    assert len(split.groups) == len(schedule.groups) + 1

    place = [each.name for each in schedule.groups].index(group)
    merged = regroup.merge_groups(
        split, table, split.groups[place].name, split.groups[place + 1].name
    )
    assert same_training(schedule, merged)
    tree = Tree(table)
    assert [tree.tidy(each.modules) for each in merged.groups] == [
        tree.tidy(each.modules) for each in schedule.groups
    ]


@given(real_schedules(), st.data())
def test_a_split_and_a_merge_give_the_very_schedule_back_where_all_follow_the_decay(
    schedule: Schedule, data: st.DataObject
):
    raw = to_raw(schedule)
    raw["lr"]["group_decay"] = 0.5
    raw["groups"] = [
        {**g, "modules": list(m), "lr_scale": None}  # its own might be the decay's, and then goes
        for g, m in zip(raw["groups"], _tidied(schedule), strict=True)
    ]
    schedule = from_raw(raw)
    table = table_of(schedule)
    group, at = data.draw(st.sampled_from(cuts(schedule, table)))
    split = regroup.split_group(schedule, table, group, at)
    new = [each.name for each in split.groups if each.name not in modules(schedule)]
    place = [each.name for each in schedule.groups].index(group)
    assert len(new) in (1, 2)
    merged = regroup.merge_groups(
        split, table, split.groups[place].name, split.groups[place + 1].name
    )
    assert regroup.rename_group(merged, merged.groups[place].name, group) == schedule


def _tidied(schedule: Schedule) -> list[tuple[str, ...]]:
    tree = Tree(table_of(schedule))
    return [tree.tidy(group.modules) for group in schedule.groups]


@given(regrouped(), st.data())
def test_a_part_that_is_moved_comes_back(schedule: Schedule, data: st.DataObject):
    table = table_of(schedule)
    tree = Tree(table)
    place = data.draw(st.integers(0, len(schedule.groups) - 2))
    group, beyond = schedule.groups[place], schedule.groups[place + 1]
    part = tree.tidy(group.modules)[-1]
    part = data.draw(st.sampled_from([part, *tree.children(part)[-1:]]))
    if tree.tidy(group.modules) == tree.tidy([part]):
        with pytest.raises(ScheduleError, match="merge"):
            regroup.move_part(schedule, table, group.name, part, "output")
        return
    moved = regroup.move_part(schedule, table, group.name, part, "output")
    assert order(moved) == order(schedule)
    assert count_elements(table, moved.groups[place].modules) == count_elements(
        table, group.modules
    ) - tree.size(part)
    assert (
        trained(moved)[next(p for p in owners(moved) if part in prefixes(p))]
        == (
            trained(schedule)[next(p for p in owners(schedule) if owners(schedule)[p] == place + 1)]
        )
    )
    back = regroup.move_part(moved, table, beyond.name, part, "input")
    assert [tree.tidy(each.modules) for each in back.groups] == _tidied(schedule)
    assert same_training(back, schedule)


@given(st.one_of(schedules(), regrouped()), st.data())
def test_no_verb_raises_anything_but_a_schedule_error(schedule: Schedule, data: st.DataObject):
    table = layer_table.find_stored(schedule.model.name) or RESNET
    names = st.sampled_from([group.name for group in schedule.groups])
    paths = st.one_of(
        st.sampled_from([path for group in schedule.groups for path in group.modules]),
        st.sampled_from(sorted(table.sizes)),
    )
    calls = [
        lambda: regroup.split_group(schedule, table, data.draw(names), data.draw(paths)),
        lambda: regroup.merge_groups(schedule, table, data.draw(names), data.draw(names)),
        lambda: regroup.rename_group(schedule, data.draw(names), data.draw(st.text(max_size=90))),
        lambda: regroup.move_part(
            schedule,
            table,
            data.draw(names),
            data.draw(paths),
            data.draw(st.sampled_from(["input", "output"])),
        ),
        lambda: regroup.spread_rates(schedule),
    ]
    for call in calls:
        try:
            changed = call()
        except ScheduleError:
            continue
        assert parse(dumps(changed)) == changed


@given(regrouped(), st.data())
def test_a_merged_group_trains_in_every_epoch_in_which_one_of_the_two_did(
    schedule: Schedule, data: st.DataObject
):
    place = data.draw(st.integers(0, max(0, len(schedule.groups) - 2)))
    pair = schedule.groups[place : place + 2]
    if len(pair) < 2:
        return
    merged = regroup.merge_groups(schedule, table_of(schedule), pair[0].name, pair[1].name)
    assert epochs(merged, place) == epochs(schedule, place) | epochs(schedule, place + 1)
    assert scale(merged, merged.groups[place]) == pytest.approx(scale(schedule, pair[1]))


def epochs(schedule: Schedule, place: int) -> set[int]:
    spans = plan.training_spans(schedule.groups[place], schedule.epochs)
    return {epoch for start, end in spans for epoch in range(start, end)}


@given(schedules())
def test_spread_rates_leaves_both_ends_their_rates_and_lets_all_others_follow(schedule: Schedule):
    spread = regroup.spread_rates(schedule)
    assert {group.lr_scale for group in spread.groups[:-1]} <= {None}
    assert spread.groups[-1] == schedule.groups[-1]
    deepest = scale(schedule, schedule.groups[0])
    if len(schedule.groups) > 1 and 1e-6 <= deepest <= 10:
        assert scale(spread, spread.groups[0]) == pytest.approx(deepest, rel=1e-4)


def test_a_module_is_split_inside_and_put_together_again():
    split = regroup.split_group(EXERCISE, RESNET, "layer4", "layer4.1")
    assert list(modules(split).items())[-3:] == [
        ("layer4.0", ("layer4.0",)),
        ("layer4.1", ("layer4.1",)),
        ("head", ("fc",)),
    ]
    deep = regroup.split_group(EXERCISE, RESNET, "layer4", "layer4.1.bn2")
    assert modules(deep)["layer4.0–layer4.1.conv2"] == (
        "layer4.0",
        "layer4.1.conv1",
        "layer4.1.bn1",
        "layer4.1.conv2",
    )
    merged = regroup.merge_groups(deep, RESNET, "layer4.0–layer4.1.conv2", "layer4.1.bn2")
    assert merged == EXERCISE


def test_a_group_with_a_name_of_its_own_is_split_into_a_and_b():
    named = regroup.rename_group(EXERCISE, "layer4", "top")
    split = regroup.split_group(named, RESNET, "top", "layer4.1")
    assert list(modules(split))[-3:] == ["top a", "top b", "head"]
    again = regroup.split_group(split, RESNET, "top a", "layer4.0.conv2")
    assert list(modules(again))[-4:] == ["top a", "top c", "top b", "head"]
    merged = regroup.merge_groups(split, RESNET, "top a", "top b")
    assert list(modules(merged))[-2:] == ["layer4", "head"]


def test_new_names_are_unlike_all_others_and_fit():
    taken = regroup.rename_group(EXERCISE, "stem", "layer4.0")
    split = regroup.split_group(taken, RESNET, "layer4", "layer4.1")
    assert list(modules(split))[-3:] == ["layer4.0 2", "layer4.1", "head"]
    long = regroup.rename_group(EXERCISE, "layer4", "x" * 80)
    for _ in range(3):
        group = next(g for g in reversed(long.groups) if g.name.startswith("xx"))
        at = parts_of(long, group.name, opened=True)[1]
        long = regroup.split_group(long, RESNET, group.name, at)
    assert len(set(modules(long))) == 9


def parts_of(schedule: Schedule, group: str, *, opened: bool) -> list[str]:
    tree = Tree(RESNET)
    paths = tree.tidy(schedule.group(group).modules)
    return [p for path in paths for p in ((opened and tree.children(path)) or (path,))]


def test_deeper_groups_keep_their_rates_when_one_is_split():
    split = regroup.split_group(EXERCISE, RESNET, "layer4", "layer4.1")
    scales = [group.lr_scale for group in split.groups]
    assert scales == [pytest.approx(0.1**d) for d in (5, 4, 3, 2, 1)] + [None, None]


def test_merged_groups_train_whenever_one_did_with_the_rate_of_the_one_nearest_to_the_head():
    chained = edits.set_windows(EXERCISE, {"layer3": [(2, 4), (6, 7)], "layer4": [(0, 2)]})
    chained = edits.set_group(chained, "layer3", batchnorm="eval", lr_scale=0.7, when_frozen="eval")
    merged = regroup.merge_groups(chained, RESNET, "layer3", "layer4")
    group = merged.group("layer3–layer4")
    assert group.modules == ("layer3", "layer4")
    assert group.trainable == ((0, 4), (6, 7))
    assert (group.lr_scale, group.batchnorm, group.when_frozen) == (None, "eval", "train")
    assert scale(merged, merged.group("stem")) == pytest.approx(1e-5)


def test_names_of_what_is_merged_go_from_the_first_to_the_last():
    schedule = edits.use_model(EXERCISE, VIT)
    split = regroup.split_group(schedule, VIT, "blocks1", "blocks.2")
    assert list(modules(split))[:3] == ["embed", "blocks.0–1", "blocks.2–3"]
    merged = regroup.merge_groups(split, VIT, "blocks.2–3", "blocks2")
    assert list(modules(merged))[:3] == ["embed", "blocks.0–1", "blocks.2–blocks2"]
    more = regroup.merge_groups(split, VIT, "embed", "blocks.0–1")
    assert next(iter(modules(more))) == "embed–blocks.1"


def test_bare_parameters_are_parts_of_their_own():
    schedule = edits.use_model(EXERCISE, VIT)
    embed = parts(schedule, VIT)[0]
    assert [(part.path, part.opens) for part in embed] == [
        ("patch_embed", False),
        ("cls_token", False),
        ("pos_embed", False),
    ]
    split = regroup.split_group(schedule, VIT, "embed", "pos_embed")
    assert modules(split)["pos_embed"] == ("pos_embed",)
    moved = regroup.move_part(split, VIT, "patch_embed–cls_token", "cls_token", "output")
    assert modules(moved)["pos_embed"] == ("cls_token", "pos_embed")


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        (
            lambda: regroup.split_group(EXERCISE, RESNET, "layer4", "layer4.0"),
            "groups[4].modules have no parameters before 'layer4.0': "
            "split 'layer4' at another part",
        ),
        (
            lambda: regroup.split_group(EXERCISE, RESNET, "layer4", "layer3"),
            "groups[4].modules do not include 'layer3': choose a part of 'layer4'",
        ),
        (
            lambda: regroup.merge_groups(EXERCISE, RESNET, "layer2", "layer4"),
            "groups[4].modules of 'layer4' do not follow those of 'layer2': "
            "merge groups that are neighbours",
        ),
        (
            lambda: regroup.move_part(EXERCISE, RESNET, "head", "fc", "output"),
            "groups[5].modules are those of the last group: split 'head' to make a group beyond it",
        ),
        (
            lambda: regroup.move_part(EXERCISE, RESNET, "head", "fc", "input"),
            "groups[5].modules hold nothing but 'fc' that has parameters: "
            "merge 'head' with 'layer4' instead",
        ),
        (
            lambda: regroup.move_part(EXERCISE, RESNET, "stem", "conv1", "output"),
            "groups[0].modules have 'bn1' between 'conv1' and the border: "
            "move the part at the border first",
        ),
        (
            lambda: regroup.rename_group(EXERCISE, "stem", "head"),
            "groups has two groups named 'head': rename one of them",
        ),
        (
            lambda: regroup.rename_group(EXERCISE, "stem", "  "),
            "groups[0].name is empty: write at least one character",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(verb: Any, message: str):
    with pytest.raises(ScheduleError) as caught:
        verb()
    assert str(caught.value) == message


def test_tidy_drops_what_another_path_holds_and_puts_whole_modules_together():
    tree = Tree(RESNET)
    assert tree.tidy(["layer4.0.conv1", "layer4", "fc.weight", "fc.bias"]) == ("layer4", "fc")
    assert tree.tidy(["layer4.1", "layer4.0"]) == ("layer4.1", "layer4.0")
    blocks = [f"layer4.{i}.{p}" for i in (0, 1) for p in ("conv1", "bn1", "conv2", "bn2")]
    blocks.insert(4, "layer4.0.downsample")
    assert tree.tidy(blocks) == ("layer4",)


@given(st.data())
def test_opening_a_module_loses_and_adds_nothing(data: st.DataObject):
    table = data.draw(st.sampled_from([RESNET, VIT]))
    tree = Tree(table)
    path = data.draw(st.sampled_from(sorted(table.sizes)))
    children = tree.children(path)
    if children:
        assert sum(part.parameters for part in tree.parts(children)) == tree.size(path)
        assert tree.tidy(children) == tree.tidy([path])
    else:
        opened = [each for each in within(table, (path,)) if within(table, (each,)) != [each]]
        opened.sort(key=len)  # layers of one module each, if any, and in the last its parameters
        assert all(lower.startswith(f"{upper}.") for upper, lower in pairwise(opened))


def test_everything_can_be_merged_into_one_group():
    for schedule in (EXERCISE, presets.load("gradual")):
        table = table_of(schedule)
        while len(schedule.groups) > 1:
            upper, lower = schedule.groups[-2].name, schedule.groups[-1].name
            schedule = regroup.merge_groups(schedule, table, upper, lower)
        (only,) = schedule.groups
        assert only.trainable == ((0, None),)


@given(regrouped(), st.data())
def test_a_chosen_grouping_cuts_as_the_table_says_and_is_read_back(
    schedule: Schedule, data: st.DataObject
):
    table = table_of(schedule)
    grouping = data.draw(st.sampled_from(table.groupings))
    chosen = regroup.choose_grouping(schedule, table, grouping.name)
    assert modules(chosen) == {group.name: group.modules for group in grouping.groups}
    assert regroup.chosen_grouping(chosen, table) == grouping.name
    assert parse(dumps(chosen)) == chosen
    assert chosen.groups[-1].trainable != () or schedule.groups[-1].trainable == ()


def test_a_steep_decay_is_written_out_where_a_finer_cut_changes_the_distance():
    steep = edits.set_field(presets.load("gradual"), "lr.group_decay", 1e-4)
    table = table_of(steep)
    finer = regroup.choose_grouping(steep, table, table.groupings[-1].name)
    assert same_training(steep, finer)
    assert min(group.lr_scale or 1.0 for group in finer.groups) < 1e-9


@given(real_schedules())
def test_a_finer_cut_changes_nothing_of_the_training_and_the_coarser_one_takes_it_back(
    schedule: Schedule,
):
    table = table_of(schedule)
    finest = table.groupings[-1].name
    finer = regroup.choose_grouping(schedule, table, finest)
    assert same_training(schedule, finer)
    assert same_training(schedule, regroup.choose_grouping(finer, table, table.default))


@given(real_schedules())
def test_a_coarser_cut_is_the_same_as_merging(schedule: Schedule):
    table = table_of(schedule)
    chosen = regroup.choose_grouping(schedule, table, table.groupings[0].name)
    merged = schedule
    while len(merged.groups) > 2:
        upper, lower = merged.groups[0].name, merged.groups[1].name
        merged = regroup.merge_groups(merged, table, upper, lower)
    assert [epochs(merged, at) for at in (0, 1)] == [epochs(chosen, at) for at in (0, 1)]
    assert same_training(
        edits.set_windows(merged, {group.name: [] for group in merged.groups}),
        edits.set_windows(chosen, {group.name: [] for group in chosen.groups}),
    )


def test_a_border_that_was_moved_a_little_leaves_each_group_its_windows_when_cut_anew():
    moved = regroup.move_part(EXERCISE, RESNET, "layer4", "layer4.1.bn2", "output")
    assert moved.groups[-1].modules == ("layer4.1.bn2", "fc")
    assert regroup.choose_grouping(moved, RESNET, RESNET.default) == EXERCISE


def test_the_groups_of_another_model_are_cut_by_the_table_with_the_heads_windows():
    foreign = regroup.choose_grouping(EXERCISE, VIT, "stages")
    assert {group.trainable for group in foreign.groups} == {((0, None),)}


def test_a_grouping_that_the_table_does_not_have_is_a_key_error():
    with pytest.raises(KeyError, match="pieces"):
        regroup.choose_grouping(EXERCISE, RESNET, "pieces")


def test_a_cut_of_ones_own_is_no_grouping():
    assert regroup.chosen_grouping(EXERCISE, RESNET) == "stages"
    renamed = regroup.rename_group(EXERCISE, "layer4", "top")
    assert regroup.chosen_grouping(renamed, RESNET) == "stages"
    split = regroup.split_group(EXERCISE, RESNET, "layer4", "layer4.1.bn2")
    assert regroup.chosen_grouping(split, RESNET) is None
