"""Edits of the groups of a schedule: regroup the model, split, merge, rename, move a module.

Each function returns the changed, validated schedule. An impossible edit raises ScheduleError; a
group or grouping that does not exist raises KeyError.

An edit changes the training as little as possible:
- Both halves of a split group train as the group did, and all other groups train as before. Where
  a group's distance from the head changes, its scale is kept as `lr_scale`, which is removed again
  when the decay per group gives the same number.
- A merged group trains whenever one of its parts did, with the rate and the modes of the part
  nearest to the head. BatchNorm that was in eval mode in one of them stays in eval mode.
- A module that moves to another group trains as that group does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from core.errors import InputError, ScheduleError
from core.models.group_names import name_of_both, names_of_halves
from core.models.layer_table import LayerTable, parameter_counts
from core.models.module_tree import Tree
from core.schedule.curves import scale
from core.schedule.document import Window
from core.schedule.parse import from_raw, to_raw
from core.schedule.paths import prefixes
from core.schedule.spec import MAX_GROUP_DECAY, MIN_GROUP_DECAY, Group, Schedule


@dataclass(frozen=True, slots=True)
class _Draft:
    """A new group, and the place of the old group whose rate it keeps."""

    group: Group
    heir_of: int


def choose_grouping(schedule: Schedule, table: LayerTable, name: str) -> Schedule:
    """Group the model by one of the table's groupings.

    A new group trains as a merger of the old groups that lie mostly in it; where there are none, as
    the old group that holds most of it.
    """
    grouping = next((each for each in table.groupings if each.name == name), None)
    if grouping is None:
        raise KeyError(name)
    held = _elements_held(schedule, table, [group.modules for group in grouping.groups])
    sizes = sum(held, Counter())
    drafts = []
    for elements, group in zip(held, grouping.groups, strict=True):
        mostly = sorted(old for old in elements if 2 * elements[old] > sizes[old])
        nearest = max(
            elements, key=lambda old: (elements[old], old), default=len(schedule.groups) - 1
        )
        olds = [schedule.groups[old] for old in mostly or [nearest]]
        merged = _merged(olds, group.name, group.modules)
        drafts.append(_Draft(merged, mostly[-1] if mostly else nearest))
    return _regrouped(schedule, drafts)


def chosen_grouping(schedule: Schedule, table: LayerTable) -> str | None:
    """Return the name of the table's grouping that the schedule has, by modules, or None."""
    tree = Tree(table)
    present = [tree.tidy(group.modules) for group in schedule.groups]
    for grouping in table.groupings:
        if [tree.tidy(group.modules) for group in grouping.groups] == present:
            return grouping.name
    return None


def split_group(schedule: Schedule, table: LayerTable, group: str, at: str) -> Schedule:
    """Split a group before the module `at`, which may lie inside one of its modules.

    Both halves train as the group did. They are named after their modules, or `NAME a` and `NAME b`
    if a person named the group.
    """
    place = _place(schedule, group)
    old, tree = schedule.groups[place], Tree(table)
    before, after = _around(schedule, tree, place, at)
    halves = [tree.tidy(before), tree.tidy([at, *after])]
    for paths, side in zip(halves, ("before", "from"), strict=True):
        if not _holds(tree, paths):
            raise _refuse(
                place, f"have no parameters {side} {at!r}", f"split {group!r} at another part"
            )
    taken = {each.name for each in schedule.groups} - {group}
    names = names_of_halves(tree, table, old, halves, taken)
    halved = [
        _Draft(old.model_copy(update={"name": name, "modules": paths}), place)
        for name, paths in zip(names, halves, strict=True)
    ]
    drafts = _unchanged(schedule)
    return _regrouped(schedule, [*drafts[:place], *halved, *drafts[place + 1 :]])


def merge_groups(schedule: Schedule, table: LayerTable, upper: str, lower: str) -> Schedule:
    """Merge two neighbours into one group; `lower` is the one nearer to the head.

    It gets the table's name for these modules, or one made of both names.
    """
    first = _place(schedule, upper)
    second = _place(schedule, lower)
    if second != first + 1:
        raise _refuse(
            second,
            f"of {lower!r} do not follow those of {upper!r}",
            "merge groups that are neighbours",
        )
    tree = Tree(table)
    olds = schedule.groups[first : second + 1]
    paths = tree.tidy(path for old in olds for path in old.modules)
    taken = {each.name for each in schedule.groups} - {upper, lower}
    name = name_of_both(tree, table, olds, paths, taken)
    drafts = _unchanged(schedule)
    merged = _Draft(_merged(olds, name, paths), second)
    return _regrouped(schedule, [*drafts[:first], merged, *drafts[second + 1 :]])


def rename_group(schedule: Schedule, group: str, name: str) -> Schedule:
    """Rename a group; spaces around the name are dropped."""
    place = _place(schedule, group)
    raw = to_raw(schedule)
    raw["groups"][place]["name"] = name.strip()
    return from_raw(raw)


def move_part(
    schedule: Schedule,
    table: LayerTable,
    group: str,
    part: str,
    towards: Literal["input", "output"],
) -> Schedule:
    """Move the module at a group's border to its neighbour."""
    place = _place(schedule, group)
    neighbour = place + (1 if towards == "output" else -1)
    tree = Tree(table)
    before, after = _around(schedule, tree, place, part)
    left, beyond = (before, after) if towards == "output" else (after, before)
    if beyond:
        raise _refuse(
            place,
            f"have {beyond[0]!r} between {part!r} and the border",
            "move the part at the border first",
        )
    if not 0 <= neighbour < len(schedule.groups):
        end = "last" if towards == "output" else "first"
        raise _refuse(
            place, f"are those of the {end} group", f"split {group!r} to make a group beyond it"
        )
    if not _holds(tree, left):
        other = schedule.groups[neighbour].name
        raise _refuse(
            place,
            f"hold nothing but {part!r} that has parameters",
            f"merge {group!r} with {other!r} instead",
        )
    beside = schedule.groups[neighbour].modules
    joined = [part, *beside] if towards == "output" else [*beside, part]
    raw = to_raw(schedule)
    raw["groups"][place]["modules"] = list(tree.tidy(left))
    raw["groups"][neighbour]["modules"] = list(tree.tidy(joined))
    return from_raw(raw)


def spread_rates(schedule: Schedule) -> Schedule:
    """Let peaks fall by the same factor from group to group; the first group keeps its rate.

    The `lr_scale` of all groups but the last is removed. The decay per group is set accordingly,
    with six digits and within 1e-6 and 10.
    """
    raw = to_raw(schedule)
    deeper = raw["groups"][:-1]
    if deeper:
        decay = scale(schedule, schedule.groups[0]) ** (1 / len(deeper))
        raw["lr"]["group_decay"] = float(f"{min(max(decay, MIN_GROUP_DECAY), MAX_GROUP_DECAY):.6g}")
    for group in deeper:
        group.pop("lr_scale", None)
    return from_raw(raw)


def _elements_held(
    schedule: Schedule, table: LayerTable, groups: Sequence[Sequence[str]]
) -> list[Counter[int]]:
    """Return for each new group how many elements it takes from each old group, by its place."""
    old = {path: at for at, group in enumerate(schedule.groups) for path in group.modules}
    new = {path: at for at, paths in enumerate(groups) for path in paths}
    held = [Counter[int]() for _ in groups]
    for parameter, elements in parameter_counts(table).items():
        above = prefixes(parameter)
        target = next((new[path] for path in above if path in new), None)
        holder = next((old[path] for path in above if path in old), None)
        if target is not None and holder is not None:
            held[target][holder] += elements
    return held


def _merged(olds: Sequence[Group], name: str, paths: Sequence[str]) -> Group:
    """Return the old groups, from input to output, as one group."""
    modes = [old.batchnorm for old in reversed(olds) if old.batchnorm is not None]
    return olds[-1].model_copy(
        update={
            "name": name,
            "modules": tuple(paths),
            "trainable": _union([old.trainable for old in olds]),
            "batchnorm": modes[0] if modes else None,
        }
    )


def _union(groups: Sequence[tuple[Window, ...]]) -> tuple[Window, ...]:
    """Return the union of the groups' windows, overlapping and touching ones merged.

    Windows that all groups share stay as they are.
    """
    if len(set(groups)) == 1:
        return groups[0]
    joined: list[Window] = []
    for start, end in sorted(chain(*groups), key=lambda window: window[0]):
        before, reached = joined[-1] if joined else (0, -1)
        if reached is not None and start > reached:
            joined.append((start, end))
        else:
            latest = None if reached is None or end is None else max(reached, end)
            joined[-1:] = [(before, latest)]
    return tuple(joined)


def _unchanged(schedule: Schedule) -> list[_Draft]:
    return [_Draft(group, place) for place, group in enumerate(schedule.groups)]


def _regrouped(schedule: Schedule, drafts: Sequence[_Draft]) -> Schedule:
    last_old, last_new = len(schedule.groups) - 1, len(drafts) - 1
    decay = schedule.lr.group_decay
    groups = []
    for place, draft in enumerate(drafts):
        before, now = last_old - draft.heir_of, last_new - place
        lr_scale = draft.group.lr_scale
        if before != now:
            wanted = decay**before if lr_scale is None else lr_scale
            by_decay = math.isclose(decay**now, wanted, rel_tol=1e-9)
            lr_scale = None if by_decay else wanted
        groups.append(draft.group.model_copy(update={"lr_scale": lr_scale}))
    raw = to_raw(schedule)
    raw["groups"] = [group.model_dump(mode="json", exclude_none=True) for group in groups]
    return from_raw(raw)


def _place(schedule: Schedule, name: str) -> int:
    return schedule.groups.index(schedule.group(name))


def _around(schedule: Schedule, tree: Tree, place: int, part: str) -> tuple[list[str], list[str]]:
    around = tree.around(schedule.groups[place].modules, part)
    if around is None:
        name = schedule.groups[place].name
        raise _refuse(place, f"do not include {part!r}", f"choose a part of {name!r}")
    return around


def _holds(tree: Tree, paths: Sequence[str]) -> bool:
    return any(tree.size(path) for path in paths)


def _refuse(place: int, wrong: str, way_out: str) -> ScheduleError:
    return ScheduleError([InputError(f"groups[{place}].modules", wrong, way_out)])
