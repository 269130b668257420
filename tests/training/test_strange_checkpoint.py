"""A checkpoint that holds what the model cannot take is refused in words, and nothing trains."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import InputError
from core.runs import events as ev
from core.training.job import Job
from core.training.train import train
from tests.training.nets import GROUPS, build, schedule_of
from tests.training.small import small_settings

SCHEDULE = schedule_of("skipping", {name: [(0, None)] for name in GROUPS["skipping"]}, 2)


def run(folder: Path) -> list[ev.Event]:
    settings = small_settings(image_size=16, cache="off")
    return list(train(Job(SCHEDULE, settings, folder, build=build)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run(folder)
    return folder


def changed(trained: Path, folder: Path, part: str, value: Any) -> None:
    """The run's first checkpoint alone, with another value, under the name that it should have."""
    (path,) = trained.glob("epoch-00001-*.pt")
    stored = torch.load(path, weights_only=True)
    made = io.BytesIO()
    torch.save({**stored, part: value}, made)
    digest = hashlib.sha256(made.getvalue()).hexdigest()[:16]
    (folder / f"epoch-00001-{digest}.pt").write_bytes(made.getvalue())


def test_the_checkpoint_as_it_was_goes_on(trained: Path, tmp_path: Path) -> None:
    changed(trained, tmp_path, "seconds", 1.0)
    assert isinstance(run(tmp_path)[-1], ev.Finished)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("model", {}),
        ("model", {"first.0.weight": torch.zeros(9, 9)}),
        ("model", {"first.0.weight": "text"}),
        ("optimizer", {}),
        ("optimizer", {"state": {}, "param_groups": []}),
        ("optimizer", {"state": [], "param_groups": [1]}),
        ("scheduler", {"last_epoch": "x"}),
        ("scheduler", {}),
        ("audit", {}),
        ("audit", {"steps": "x", "max_lr_error": [], "spans": 7}),
        ("random", {}),
        ("random", {"cpu": torch.zeros(3)}),
        ("random", {"cpu": "x"}),
    ],
)
def test_a_checkpoint_that_the_model_cannot_take_is_refused_in_words(
    trained: Path, tmp_path: Path, part: str, value: Any
) -> None:
    changed(trained, tmp_path, part, value)
    with pytest.raises(InputError, match=r"^checkpoints hold .*: start a new run in another"):
        run(tmp_path)
