"""The cache changes no bit of a network that writes into its own tensors, whatever shares them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st

from core.freezing import apply_plan
from core.grouping import group_paths, resolve_groups
from core.runs import events as ev
from core.schedule.spec import Schedule
from core.training.cache import tracing
from tests.training.cache.test_exactness import assert_same, differs
from tests.training.cache.writing_nets import GROUPS, KINDS, Step, network
from tests.training.nets import schedule_of
from tests.training.small import of_kind

NAMES = ("one", "two", "three")
EPOCHS = 4
THAWS: tuple[Any, ...] = ([], [[0, None]], [[1, None]], [[1, 2]], [[2, None]])


class Case(NamedTuple):
    """A network by its steps and what it reads at the end, and when its groups train."""

    steps: list[Step]
    reads: list[int]
    windows: dict[str, Any]
    when_frozen: str = "eval"
    always: bool = False


VIEW = Case(
    [Step("two", 1, 0), Step("flatten", 1, 0), Step("add_", 3, 2), Step("one", 1, 0)],
    [4],
    {"two": [[0, None]]},
)
"""A frozen layer reads what another that trains has written into a view of."""
LATER = Case([Step("shift", 1, 0)], [2], {"two": [[2, None]]})
"""What a layer writes into is stored when that is frozen still, for when it trains."""


LEAF = Case(
    [Step("three", 0, 0), Step("flatten", 1, 0), Step("add_", 1, 2), Step("add_", 3, 0)],
    [0],
    {"three": [[0, None]]},
)
"""Autograd lets nobody write into a view of a frozen tensor that has got a gradient since."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    places = st.integers(0, 9)
    steps = st.builds(Step, st.sampled_from(KINDS), places, places)
    return Case(
        draw(st.lists(steps, min_size=3, max_size=9)),
        draw(st.lists(places, min_size=1, max_size=2)),
        {name: draw(st.sampled_from(THAWS)) for name in NAMES},
        draw(st.sampled_from(["eval", "train"])),
        draw(st.booleans()),
    )


def schedule(case: Case) -> Schedule:
    return schedule_of(
        "writing",
        {"head": [[0, None]]} | case.windows,
        EPOCHS,
        parts=GROUPS,
        group={"when_frozen": case.when_frozen},
    )


def autograd_allows(case: Case) -> bool:
    """Autograd computes gradients in every epoch, by what is frozen then."""
    net = network(case.steps, case.reads, 3, always=case.always).model
    layer_groups = resolve_groups(net, group_paths(schedule(case)))
    try:
        for epoch in range(EPOCHS):
            net.train()
            apply_plan(layer_groups, schedule(case), epoch)
            net(torch.randn(2, 3, 16, 16)).sum().backward()
    except RuntimeError:  # what is written into is needed, or a view of what was frozen
        return False
    return True


def both(compare: Callable[..., Any], folder: Path, case: Case) -> Any:
    """Compare runs of the case with the cache and without."""
    return compare(
        folder,
        schedule(case),
        build=lambda _, classes, __: network(case.steps, case.reads, classes, always=case.always),
        samples=20,
        validation_samples=10,
        batch_size=10,
    )


@pytest.mark.thorough
@given(cases())
@example(VIEW)
@example(LATER)
@example(LEAF)
def test_no_bit_of_any_network_that_writes_changes(case: Case):
    assume(autograd_allows(case))
    with tempfile.TemporaryDirectory() as folder:
        both(assert_same, Path(folder), case)


def test_a_tensor_that_is_written_into_later_is_stored_as_it_was_before(tmp_path):
    events = both(assert_same, tmp_path, LATER)
    assert [decision.on for decision in of_kind(events, ev.CacheDecision)] == [True, True]


def test_what_is_written_into_where_others_read_it_is_not_stored_and_the_run_says_so(tmp_path):
    (decision,) = of_kind(both(assert_same, tmp_path, VIEW), ev.CacheDecision)
    assert not decision.on
    assert decision.reason == "later layers write into what the frozen ones make"


def test_leaving_what_is_written_out_of_account_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(tracing, "_written", lambda *_: [])
    assert both(differs, tmp_path, VIEW)
