"""The group editor's verbs: cut the model anew, split, merge, rename, move a part.

Each takes a schedule and gives the changed, validated one. What cannot be done raises
ScheduleError and changes nothing; a group or grouping that is not there raises KeyError.

Windows and rates follow so that an edit changes no more of the training than it must:
- A group that a split makes trains as before, and so does every other group. Where the distance
  from the head changes, the scale that the decay gave before is written as the group's `lr_scale`,
  and it is removed again where it comes to equal what the decay gives.
- Groups that become one train whenever one of them did, with the rate and the modes of the one
  nearest to the head, so that the head stays the head. BatchNorm that was kept still stays still.
- A part that crosses a border does as its new group does.
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
from core.schedule.spec import LEAST_GROUP_DECAY, MOST_GROUP_DECAY, Group, Schedule


@dataclass(frozen=True, slots=True)
class _Draft:
    """A group to be, and the old group (by its place) whose rate it keeps."""

    group: Group
    heir_of: int


def choose_grouping(schedule: Schedule, table: LayerTable, name: str) -> Schedule:
    """Cut the model by one of the table's groupings.

    A new group takes over the old groups that lie mostly in it, as if they had been merged; where
    there are none, it does as the group that holds most of it.
    """
    cut = next((each for each in table.groupings if each.name == name), None)
    if cut is None:
        raise KeyError(name)
    held = _held(schedule, table, [group.modules for group in cut.groups])
    sizes = sum(held, Counter())
    drafts = []
    for found, group in zip(held, cut.groups, strict=True):
        mostly = sorted(old for old in found if 2 * found[old] > sizes[old])
        nearest = max(found, key=lambda old: (found[old], old), default=len(schedule.groups) - 1)
        olds = [schedule.groups[old] for old in mostly or [nearest]]
        merged = _merged(olds, group.name, group.modules)
        drafts.append(_Draft(merged, mostly[-1] if mostly else nearest))
    return _regrouped(schedule, drafts)


def chosen_grouping(schedule: Schedule, table: LayerTable) -> str | None:
    """Name of the table's grouping that cuts as the schedule does, whatever its groups' names."""
    tree = Tree(table)
    present = [tree.tidy(group.modules) for group in schedule.groups]
    for grouping in table.groupings:
        if [tree.tidy(group.modules) for group in grouping.groups] == present:
            return grouping.name
    return None


def split_group(schedule: Schedule, table: LayerTable, group: str, at: str) -> Schedule:
    """Cut a group in two before the part `at`, which may lie inside one of its modules.

    Both train as the group did, at its rate. They are named by their parts, or `NAME a` and
    `NAME b` where the group has a name of its own.
    """
    place = _place(schedule, group)
    old, tree = schedule.groups[place], Tree(table)
    before, after = _around(schedule, tree, place, at)
    halves = [tree.tidy(before), tree.tidy([at, *after])]
    for paths, side in zip(halves, ("before", "from"), strict=True):
        if not _holds(tree, paths):
            raise _refuse(
                place,
                f"have no parameters {side} {at!r}",
                f"split {group!r} at another part",
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
    """Make one group of two neighbours; `lower` is the next one towards the head.

    Named as the table names these parts, or after both.
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
    """Give a group another name; spaces around it are dropped."""
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
    """Move the part at a group's border to the neighbour, which keeps all else that it has."""
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
            place,
            f"are those of the {end} group",
            f"split {group!r} to make a group beyond it",
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
    """Let the rates fall evenly again, group by group, down to the deepest one, which keeps its.

    The groups' own scales are removed, but for the last one's. The decay per group becomes what
    that takes, to six digits and within 1e-6 and 10.
    """
    raw = to_raw(schedule)
    deeper = raw["groups"][:-1]
    if deeper:
        decay = scale(schedule, schedule.groups[0]) ** (1 / len(deeper))
        raw["lr"]["group_decay"] = float(
            f"{min(max(decay, LEAST_GROUP_DECAY), MOST_GROUP_DECAY):.6g}"
        )
    for group in deeper:
        group.pop("lr_scale", None)
    return from_raw(raw)


def _held(
    schedule: Schedule, table: LayerTable, cut: Sequence[Sequence[str]]
) -> list[Counter[int]]:
    """For each new group, how many elements it takes from which old group (by its place)."""
    old = {path: at for at, group in enumerate(schedule.groups) for path in group.modules}
    new = {path: at for at, paths in enumerate(cut) for path in paths}
    held = [Counter[int]() for _ in cut]
    for parameter, elements in parameter_counts(table).items():
        above = prefixes(parameter)
        target = next((new[path] for path in above if path in new), None)
        holder = next((old[path] for path in above if path in old), None)
        if target is not None and holder is not None:
            held[target][holder] += elements
    return held


def _merged(olds: Sequence[Group], name: str, paths: Sequence[str]) -> Group:
    """Return the olds, from input to output, as one group."""
    kept = [old.batchnorm for old in reversed(olds) if old.batchnorm is not None]
    return olds[-1].model_copy(
        update={
            "name": name,
            "modules": tuple(paths),
            "trainable": _union([old.trainable for old in olds]),
            "batchnorm": kept[0] if kept else None,
        }
    )


def _union(groups: Sequence[tuple[Window, ...]]) -> tuple[Window, ...]:
    """Windows of every epoch in which one of the groups trains; equal ones stay as they are."""
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
        own = draft.group.lr_scale
        if before != now:
            wanted = decay**before if own is None else own
            by_decay = math.isclose(decay**now, wanted, rel_tol=1e-9)
            own = None if by_decay else wanted
        groups.append(draft.group.model_copy(update={"lr_scale": own}))
    raw = to_raw(schedule)
    raw["groups"] = [group.model_dump(mode="json", exclude_none=True) for group in groups]
    return from_raw(raw)


def _place(schedule: Schedule, name: str) -> int:
    return schedule.groups.index(schedule.group(name))


def _around(schedule: Schedule, tree: Tree, place: int, part: str) -> tuple[list[str], list[str]]:
    found = tree.around(schedule.groups[place].modules, part)
    if found is None:
        name = schedule.groups[place].name
        raise _refuse(place, f"do not include {part!r}", f"choose a part of {name!r}")
    return found


def _holds(tree: Tree, paths: Sequence[str]) -> bool:
    return any(tree.size(path) for path in paths)


def _refuse(place: int, wrong: str, way_out: str) -> ScheduleError:
    return ScheduleError([InputError(f"groups[{place}].modules", wrong, way_out)])
