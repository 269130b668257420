"""Train by exported code in fastai: python -m tests.export.trainers.in_fastai FOLDER CASES."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from fastai.callback import progress  # noqa: F401 - gives Learner its no_bar
from fastai.callback.training import GradientAccumulation
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Learner
from torch import nn

from tests.export.trainers.recording import (
    BATCH,
    IMAGES,
    LABELS,
    Record,
    arguments,
    fresh_model,
    imported,
    refusal_in,
    schedule_of,
)

DATA = list(zip(IMAGES, LABELS, strict=True))


def made(folder: Path, code: ModuleType, variant: str = "", *callbacks: Any) -> Learner:
    """The Learner of the export's usage."""
    loaders = DataLoaders(
        *(DataLoader(DATA, bs=BATCH, num_workers=0) for _ in range(2)), device="cpu"
    )
    return Learner(
        loaders,
        fresh_model(variant),
        loss_func=nn.CrossEntropyLoss(),
        splitter=code.splitter,
        opt_func=code.make_optimizer,
        cbs=[code.FineTuning(), *callbacks],
        path=folder,
    )


def fit(folder: Path, case: str, variant: str, *callbacks: Any, start_epoch: int = 0) -> None:
    """Train once, and keep the record of it and what was learned."""
    schedule, code = schedule_of(folder, case), imported(folder / f"{case}.py")
    learner = made(folder, code, variant, *callbacks)
    record = Record(learner.model, schedule)
    with learner.no_bar(), learner.no_logging():
        learner.fit(code.EPOCHS, start_epoch=start_epoch)
    record.write(folder / f"{case}.{variant}.json")


if __name__ == "__main__":
    at, cases = arguments()
    for each in cases:
        fit(at, each, "plain")
    fit(at, cases[-1], "adapted")
    fit(at, cases[-1], "resumed", start_epoch=2)
    fit(at, cases[0], "accumulated", GradientAccumulation(2 * BATCH))
    with refusal_in(at):
        made(at, imported(at / f"{cases[0]}.py")).fit(7)
