from __future__ import annotations

import json
from typing import Any

import pytest

from core import presets
from core.errors import ScheduleError
from core.presets import schema

RAW: dict[str, Any] = json.loads(presets.json_text("ulmfit"))


def refusal(**changes: Any) -> str:
    with pytest.raises(ScheduleError) as caught:
        schema.parse_preset(json.dumps({**RAW, **changes}))
    return str(caught.value)


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_comes_back_from_its_document(name: str):
    preset = presets.by_name(name)
    assert schema.parse_preset(preset.model_dump_json(exclude_unset=True)) == preset


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xyz": "red"}, "xyz is not a field here: use one of "),
        ({"epohcs": 4}, "epohcs is not a field here: did you mean 'epochs'?"),
        (
            {"rules": [{"role": "had", "trainable": [[0, None]]}]},
            "rules[0].role is 'had': did you mean 'head'?",
        ),
        (
            {"rules": [{"role": "all", "thaw": 3}]},
            "rules[0].thaw is not a field here: use one of ",
        ),
        (
            {"rules": [{"role": "all", "pattern": {"kind": "cascde"}}]},
            "rules[0].pattern.kind is 'cascde': did you mean 'cascade'?",
        ),
        (
            {"rules": [{"role": "all", "pattern": {"kind": "chain", "groups": 3}}]},
            "rules[0].pattern.groups is not a field of chain: remove it, or use cascade",
        ),
        (
            {"rules": [{"role": "all", "pattern": {"kind": "chain"}, "trainable": [[0, 1]]}]},
            "trainable cannot be combined with a pattern: keep one of the two",
        ),
        (
            {"lr": {"group_decay": 0.5, "lowest_scale": 0.1}},
            "lr.lowest_scale cannot be combined with group_decay: keep one of the two",
        ),
        (
            {"lr": {"warmup": {"epochs": 1.0, "share": 0.1}}},
            "lr.warmup.share cannot be combined with epochs: keep one of the two",
        ),
        ({"lr": {"warmup": {"share": 2.0}}}, "lr.warmup.share is 2.0: it must be at most 1"),
        ({"sources": []}, "sources is empty: add at least one"),
        (
            {"sources": [{"citation": "Me", "where": "here", "page": 3}]},
            "sources[0].page is not a field here: use one of citation, numbers, url, where",
        ),
        ({"optimizer": {"name": "adma"}}, "optimizer.name is 'adma': did you mean 'adam'?"),
        ({"format": "thaw.schedule"}, "format is 'thaw.schedule': a preset is an object with "),
    ],
)
def test_a_wrong_document_is_refused_by_field_and_way_out(changes: dict[str, Any], message: str):
    assert refusal(**changes).startswith(message)


def test_what_is_no_object_is_refused():
    with pytest.raises(ScheduleError, match="a preset is an object"):
        schema.parse_preset("[]")
