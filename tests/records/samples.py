"""Records for tests that load no torch: of a loop that does what a schedule says, and of any."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from core.records.io import from_raw, record_json
from core.records.model import Record
from core.records.recorded_loop import LoopGroup, ParamGroupOptions, RecordedLoop
from core.schedule import curves, parse, plan
from core.schedule.spec import Schedule
from tests.schedule.strategies import names, names_of_groups, windows


def recorded_of(schedule: Schedule, steps_per_epoch: int) -> RecordedLoop:
    """What `core.from_optimizer` records of a loop that does exactly what the schedule says."""
    steps = np.arange(schedule.epochs * steps_per_epoch)
    rates = curves.rates_of_steps(schedule, steps, steps_per_epoch)
    settings = ParamGroupOptions(
        schedule.optimizer.weight_decay, getattr(schedule.optimizer, "momentum", 0.0)
    )
    groups = tuple(
        LoopGroup(
            group.name,
            group.modules,
            1_000,
            tuple(own.tolist()),
            tuple(plan.trains_in(group, epoch) for epoch in range(schedule.epochs)),
            (settings,),
        )
        for group, own in zip(schedule.groups, rates, strict=True)
    )
    kind = schedule.optimizer.title()
    return RecordedLoop(schedule.epochs, steps_per_epoch, kind, groups)


def parse_record(text: str | bytes) -> Record:
    """Return the record that a JSON document describes."""
    return from_raw(parse.load_json(text))


def record_of(schedule: Schedule, steps_per_epoch: int = 4) -> Record:
    """The same as it comes out of a file."""
    return parse_record(record_json(recorded_of(schedule, steps_per_epoch), schedule.name))


rates = st.one_of(st.just(0.0), st.floats(1e-9, 1.0), st.floats(0.0, 1e3))


@st.composite
def record_documents(draw: st.DrawFn, max_epochs: int = 6) -> dict[str, Any]:
    """Raw JSON of a valid record, with curves that no schedule has."""
    epochs, per_epoch = draw(st.integers(1, max_epochs)), draw(st.sampled_from([1, 3, 1_000_000]))
    curves = []
    for _ in range(draw(st.integers(1, 3))):
        pieces, left = [], epochs * per_epoch
        while left:
            length = left if len(pieces) == 5 else draw(st.integers(1, left))
            pieces.append([length, draw(rates), draw(rates)])
            left -= length
        curves.append(pieces)
    spread = st.lists(st.floats(0.0, 1.0), max_size=2).map(sorted)
    groups = [
        {
            "name": name,
            "modules": [f"block{at}", f"norm{at}.weight"][: draw(st.integers(1, 2))],
            "parameters": draw(st.integers(0, 10**9)),
            "trainable": draw(windows(epochs)),
            "curve": draw(st.integers(0, len(curves) - 1)),
            "scale": draw(st.one_of(st.just(1.0), st.floats(0.0, 1e100))),
            "weight_decay": draw(spread),
            "momentum": draw(spread),
            "others": draw(st.lists(st.sampled_from(["nesterov=True", "betas that changes"]))),
        }
        for at, name in enumerate(draw(names_of_groups(4)))
    ]
    for group in groups:
        group["others"] = group["others"][:16]
    return {
        "format": "thaw.record",
        "version": 1,
        "name": draw(names),
        "epochs": epochs,
        "steps_per_epoch": per_epoch,
        "optimizer": draw(st.sampled_from(["Adam", "SGD", "Lion"])),
        "within": draw(st.sampled_from([1e-12, 1e-6])),
        "groups": groups,
        "curves": curves,
    }


def records(max_epochs: int = 6) -> st.SearchStrategy[Record]:
    """Valid records, of loops that somebody may have written."""
    return record_documents(max_epochs).map(from_raw)
