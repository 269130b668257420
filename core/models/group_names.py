"""Names of groups that are split or merged in the group editor."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import chain
from string import ascii_lowercase

from core.models.layer_table import LayerGroup, LayerTable
from core.models.module_tree import Tree
from core.schedule.document import MAX_NAME, as_seen
from core.schedule.spec import Group
from core.schedule.words import numbered


def names_of_halves(
    tree: Tree,
    table: LayerTable,
    old: Group,
    halves: Sequence[Sequence[str]],
    taken: Collection[str],
) -> list[str]:
    """Return names for the two halves of a group, which differ from those taken.

    They are made of the halves' paths, or are `NAME a` and `NAME b` if a person named the group.
    """
    automatic = {_name_of(tree, table, old.modules), *(group.name for group in _suggested(table))}
    if old.name in automatic:
        wanted = [_name_of(tree, table, paths) for paths in halves]
    else:
        stem, letter = _stem(old.name)
        later = ascii_lowercase[ascii_lowercase.index(letter) + 1 :]
        free = (f"{stem} {each}" for each in later if f"{stem} {each}" not in taken)
        wanted = [f"{stem} {letter}", next(free, f"{stem} z")]
    first = unique_name(wanted[0], taken)
    return [first, unique_name(wanted[1], {*taken, first})]


def name_of_both(
    tree: Tree,
    table: LayerTable,
    olds: Sequence[Group],
    paths: Sequence[str],
    taken: Collection[str],
) -> str:
    """Return a name for two merged neighbours, which differs from those taken."""
    return unique_name(_joint(tree, table, olds, paths), taken)


def _name_of(tree: Tree, table: LayerTable, paths: Sequence[str]) -> str:
    """Return a name made of paths: `layer4`, `layer4.1`, `blocks.0–3`, `conv1–layer2`.

    A name that the table has for these paths is preferred. It has at most 80 characters.
    """
    tidied = tree.tidy(paths)
    for group in _suggested(table):
        if tree.tidy(group.modules) == tidied:
            return group.name
    return _span(tidied[0], tidied[-1])


def _span(first: str, last: str) -> str:
    """Return a name for a range of paths: `conv1–layer2`, `blocks.0–3`, or just `fc`."""
    if first == last:
        return first[-MAX_NAME:]
    parent, _, end = last.rpartition(".")
    beside = parent and first.rpartition(".")[0] == parent
    return f"{first}–{end if beside else last}"[:MAX_NAME]


def _suggested(table: LayerTable) -> tuple[LayerGroup, ...]:
    """Return every group of the table's groupings, those of the default one first."""
    others = (each.groups for each in table.groupings if each.name != table.default)
    return (*table.groups, *chain.from_iterable(others))


def _stem(name: str) -> tuple[str, str]:
    """Return ("body", "a") for `body`, and ("body", "c") for `body c`, the result of a split."""
    split = re.fullmatch(r"(.+) ([a-y])", name)
    return (split[1], split[2]) if split else (name[: MAX_NAME - 2], "a")


def _joint(tree: Tree, table: LayerTable, olds: Sequence[Group], paths: Sequence[str]) -> str:
    known = _name_of(tree, table, paths)
    if len(paths) == 1 or known in {group.name for group in _suggested(table)}:
        return known
    upper, lower = olds
    one, other = (re.fullmatch(r"(.+) [a-z]", group.name) for group in olds)
    if one and other and one[1] == other[1]:
        return one[1]
    last = lower.name if "–" not in lower.name else _name_of(tree, table, lower.modules[-1:])
    return _span(upper.name.partition("–")[0], last)


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number from 2 if it would look like one of those taken."""
    looks = {as_seen(each) for each in taken}
    return next(each for each in numbered(name, longest=MAX_NAME) if as_seen(each) not in looks)
