"""Checks against the model: unknown names, and parameters in no group or in two."""

from __future__ import annotations

from collections.abc import Iterator

from core.checks.facts import ScheduleFacts
from core.checks.problem import Fix, Problem
from core.errors import nearest
from core.models import catalogue
from core.models.layer_table import LayerTable, parameter_counts
from core.schedule import edits, plan
from core.schedule.paths import prefixes
from core.schedule.spec import Group, Schedule
from core.schedule.words import listed


def unknown_model(facts: ScheduleFacts) -> Iterator[Problem]:
    """The model is in neither torchvision nor timm."""
    name = facts.schedule.model.name
    if name not in catalogue.names():
        wrong = f"is {name!r}, which is not supported"
        way_out = nearest(name, catalogue.names())
        yield Problem("unknown-model", "model.name", (), wrong, way_out)


def unknown_weights(facts: ScheduleFacts) -> Iterator[Problem]:
    """The model has no pretrained weights of that name."""
    weights, table = facts.schedule.model.weights, facts.layers
    if table is not None and weights is not None and weights not in table.weights:
        way_out = nearest(weights, table.weights) if table.weights else "it has none, so write null"
        wrong = f"is {weights!r}, which {table.model} does not have"
        yield Problem("unknown-weights", "model.weights", (), wrong, way_out)


def nested_path(facts: ScheduleFacts) -> Iterator[Problem]:
    """A path is named twice, or lies inside another path of the schedule."""
    owners = facts.owners
    earlier: set[str] = set()
    for at, group in enumerate(facts.schedule.groups):
        for index, path in enumerate(group.modules):
            around = next((outer for outer in prefixes(path)[:-1] if outer in owners), path)
            if around != path or path in earlier:
                where, owner = f"groups[{at}].modules[{index}]", owners[around]
                lies = "is already in" if around == path else f"already lies inside {around!r} of"
                wrong = f"is {path!r}, which {lies} group {owner}"
                way_out = "name every part of the model once"
                both = (owner,) if owner == group.name else (owner, group.name)
                yield Problem("nested-path", where, both, wrong, way_out)
            earlier.add(path)


def unknown_path(facts: ScheduleFacts) -> Iterator[Problem]:
    """A path names nothing in the model that holds parameters."""
    if facts.layers is None:
        return
    table = facts.layers
    for at, group in enumerate(facts.schedule.groups):
        if _is_empty(group, table):
            continue
        for index, path in enumerate(group.modules):
            if path not in table.sizes:
                where = f"groups[{at}].modules[{index}]"
                wrong = f"is {path!r}, which is not a part of {table.model} with parameters"
                way_out = nearest(path, table.sizes)
                yield Problem("unknown-path", where, (group.name,), wrong, way_out)


def empty_group(facts: ScheduleFacts) -> Iterator[Problem]:
    """All modules of a group exist in the model, but none has parameters."""
    if facts.layers is None:
        return
    for group in facts.schedule.groups:
        if _is_empty(group, facts.layers):
            where = facts.path(group.name, "modules")
            wrong = (
                f"is {listed(map(repr, group.modules))}, so group {group.name} "
                "has 0 parameters and the optimizer has nothing to move"
            )
            way_out = "name modules that have parameters, or remove the group"
            fix = _removed(facts.schedule, group)
            yield Problem("empty-group", where, (group.name,), wrong, way_out, fix)


def ungrouped(facts: ScheduleFacts) -> Iterator[Problem]:
    """Some parameters of the model are in no group."""
    if facts.layers is None:
        return
    left = [path for path in parameter_counts(facts.layers) if facts.owner(path) is None]
    if left:
        wrong = f"leave out {listed(left)}"
        way_out = f"put every parameter of {facts.layers.model} into one group"
        yield Problem("ungrouped", "groups", (), wrong, way_out)


def _is_empty(group: Group, table: LayerTable) -> bool:
    """Return whether the group's modules exist in the forward pass, and none has parameters."""
    called = table.called
    return all(path in called and path not in table.sizes for path in group.modules)


def _removed(schedule: Schedule, group: Group) -> Fix | None:
    """Return the fix without the group, unless that adds an epoch in which no group trains."""
    if len(schedule.groups) == 1:
        return None
    mended = edits.remove_group(schedule, group.name)
    idle = [all(phase.training for phase in plan.phases(each)) for each in (schedule, mended)]
    return Fix(f"Remove {group.name}", mended) if idle[0] <= idle[1] else None
