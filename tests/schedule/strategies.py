"""Hypothesis strategies for schedules: everything that the document allows, and tame corners of it.

They build raw JSON values and go through the door, so that what they give is what a file can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from annotated_types import Ge, Le, Lt
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.models import layer_table
from core.schedule import document
from core.schedule.document import field_texts
from core.schedule.optimizers import OPTIMIZERS
from core.schedule.parse import from_raw
from core.schedule.shapes import DECAYS, WARMUPS
from core.schedule.spec import Schedule

LATE = 3
"""Windows may start or end this many epochs after the run."""

_letters = st.characters(
    exclude_categories=("Cs", "Cc"),
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufffe\uffff",
)
names = st.one_of(
    st.text(_letters, min_size=1, max_size=6).filter(document.can_be_seen), st.just("x" * 80)
)


def names_of_groups(most: int) -> st.SearchStrategy[list[str]]:
    """One name or more, none of which looks like another."""
    return st.lists(names, min_size=1, max_size=most, unique_by=document.as_seen)


base_lrs = st.one_of(st.floats(1e-6, 1.0), st.floats(1e-12, 1e3), st.sampled_from([1e-12, 1e3]))
decays_per_group = st.one_of(st.just(1.0), st.floats(0.01, 1.0), st.floats(1e-6, 10.0))
scales = st.one_of(st.none(), st.floats(1e-3, 10.0), st.floats(1e-100, 1e100))
factors = st.one_of(st.sampled_from([0.0, 0.01, 1.0]), st.floats(0.0, 1.0))
floors = st.one_of(
    st.fixed_dictionaries({"factor": factors}),
    st.fixed_dictionaries({"lr": st.one_of(st.just(0.0), st.floats(0.0, 1e-3), st.floats(0, 1e3))}),
)
weight_decays = st.floats(0.0, 1.0)


def _value(field: FieldInfo) -> st.SearchStrategy[Any]:
    """A number within the field's bounds, or several in ascending order."""
    if isinstance(field.default, tuple):
        return st.sets(st.floats(1e-6, 1.0, exclude_max=True), min_size=1, max_size=4).map(sorted)
    bounds = {type(each): each for each in field.metadata}
    low, high = bounds[Ge].ge, bounds.get(Le) or bounds[Lt]
    return st.floats(low, getattr(high, "le", None) or high.lt, exclude_max=isinstance(high, Lt))


def _of(
    tag: str, kinds: Mapping[str, type[BaseModel]], **shared: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Raw JSON of any of the kinds, with some of its own fields and of those that are shared."""
    return st.one_of(
        st.fixed_dictionaries(
            {tag: st.just(name)},
            optional={
                **{field: value for field, value in shared.items() if field in kind.model_fields},
                **{field: _value(kind.model_fields[field]) for field in field_texts(kind)},
            },
        )
        for name, kind in kinds.items()
    )


optimizers = st.builds(
    lambda base_lr, raw: {**raw, "base_lr": base_lr},
    base_lrs,
    _of("name", OPTIMIZERS, weight_decay=weight_decays),
)
decays = _of("shape", DECAYS, floor=floors)
"""Every shape and both floors."""


def warmups(epochs: int) -> st.SearchStrategy[dict[str, Any]]:
    """None, fractional, whole, and longer than the run."""
    lengths = st.one_of(
        st.integers(0, epochs + 2), st.floats(0.0, 2.0 * epochs), st.just(5e-324), st.just(0.1)
    )
    return st.fixed_dictionaries(
        {"epochs": lengths},
        optional={"start_factor": factors, "shape": st.sampled_from([*WARMUPS])},
    )


@st.composite
def windows(draw: st.DrawFn, epochs: int) -> list[list[int | None]]:
    """Windows in order: none, one, re-freezes, adjoining ones, open ends, ends past the run."""
    found: list[list[int | None]] = []
    edge = 0
    for _ in range(draw(st.integers(0, 3))):
        start = edge + draw(st.integers(0, 3))
        end = start + draw(st.integers(1, 4))
        if start > epochs + LATE:
            break
        found.append([start, end])
        edge = end
    if found and draw(st.booleans()):
        found[-1][1] = None
    return found


def states(epochs: int) -> st.SearchStrategy[dict[str, Any]]:
    """What a group says beside its name and its parts."""
    return st.fixed_dictionaries(
        {
            "trainable": windows(epochs),
            "lr_scale": scales,
            "when_frozen": st.sampled_from(["eval", "train"]),
            "batchnorm": st.sampled_from(["eval", None]),
        }
    )


@st.composite
def documents(draw: st.DrawFn, max_epochs: int = 12, max_groups: int = 5) -> dict[str, Any]:
    """Raw JSON of a valid schedule of any model; optional fields may be left out."""
    epochs = draw(st.integers(1, max_epochs))
    lr = {
        "group_decay": decays_per_group,
        "interval": st.sampled_from(["epoch", "step"]),
        "warmup": warmups(epochs),
        "decay": decays,
        "after_unfreeze": st.sampled_from(["follow", "restart"]),
    }
    group_names = draw(names_of_groups(max_groups))
    groups = [
        {
            "name": name,
            "modules": [f"block{at}", f"norm{at}.weight"][: draw(st.integers(1, 2))],
            **draw(states(epochs)),
        }
        for at, name in enumerate(group_names)
    ]
    return {
        "format": "thaw.schedule",
        "version": 1,
        "name": draw(names),
        "model": {
            "name": draw(st.sampled_from(["torchvision/resnet18", "my/own-model_2.0"])),
            "weights": draw(st.one_of(st.none(), st.just("IMAGENET1K_V1"), names)),
        },
        "epochs": epochs,
        "optimizer": draw(optimizers),
        "lr": draw(st.fixed_dictionaries({}, optional=lr)),
        "groups": groups,
    }


def schedules(max_epochs: int = 12, max_groups: int = 5) -> st.SearchStrategy[Schedule]:
    """Valid schedules, wise or not."""
    return documents(max_epochs, max_groups).map(from_raw)


@st.composite
def real_schedules(draw: st.DrawFn) -> Schedule:
    """Schedules of a supported model with its default groups, so that its layer table fits."""
    raw = draw(documents(max_groups=1))  # its groups are not kept
    table = layer_table.load(draw(st.sampled_from(layer_table.known_models()[:4])))
    raw["model"] = {"name": table.model, "weights": next(iter(table.weights), None)}
    raw["groups"] = [
        {"name": g.name, "modules": list(g.modules), **draw(states(raw["epochs"]))}
        for g in table.groups
    ]
    return from_raw(raw)


def times(schedule: Schedule) -> st.SearchStrategy[list[float]]:
    """Times in epochs, from before the run to after it."""
    return st.lists(st.floats(-1.0, schedule.epochs + 1.0), min_size=1, max_size=20)
