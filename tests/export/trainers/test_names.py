"""No name of a schedule can end the place where it stands in an exported text."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import yaml

from core.design.parse import from_raw, to_raw
from core.design.spec import Schedule
from tests.export.trainers import running
from tests.export.trainers.cases import CASES, ODD_NAMES

ODD = CASES["frozen-again"]
PYTHON = ("module", "lightning", "transformers", "fastai")


def _plain(schedule: Schedule) -> Schedule:
    raw: dict[str, Any] = to_raw(schedule)
    raw["name"] = "plain"
    for place, group in enumerate(raw["groups"]):
        group["name"] = f"plain{place}"
    return from_raw(raw)


def _without_names(code: str) -> str:
    """The code's tree, in which all of the names are the same."""
    names = {*ODD_NAMES, *(group.name for group in _plain(ODD).groups)}
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in names:
            node.value = "name"
    return ast.dump(tree)


@pytest.mark.parametrize("target", PYTHON)
def test_code_with_odd_names_is_the_code_with_plain_ones(target: str):
    odd, plain = (running.exported(target, schedule) for schedule in (ODD, _plain(ODD)))
    assert isinstance(odd.content, str)
    assert isinstance(plain.content, str)
    assert _without_names(odd.content) == _without_names(plain.content)
    assert odd.usage == plain.usage


def test_phases_with_odd_names_are_the_phases_with_plain_ones():
    odd, plain = (
        running.exported("finetuning-scheduler", schedule) for schedule in (ODD, _plain(ODD))
    )
    assert yaml.safe_load(odd.content) == yaml.safe_load(plain.content)
    assert _without_names(odd.usage) == _without_names(plain.usage)
