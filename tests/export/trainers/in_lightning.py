"""Train by exported code in Lightning.

python -m tests.export.trainers.in_lightning FOLDER CASES
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

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


class Classifier(pl.LightningModule):
    """The class of the export's usage."""

    def __init__(self, model: nn.Module, code: ModuleType) -> None:
        super().__init__()
        self.model, self._code = model, code

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.model(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, batch_idx))

    def configure_optimizers(self) -> Any:
        return self._code.configure_optimizers(self, self.model)


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """Images of which nobody says how many there are."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(IMAGES, LABELS, strict=True)


def loader(batch: int = BATCH) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(IMAGES, LABELS), batch)


QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


def fit(
    folder: Path,
    case: str,
    variant: str,
    accumulate: int = 1,
    resume: str = "",
    more_epochs: int = 0,
    data: DataLoader[Any] | None = None,
) -> None:
    """Train once, with a validation after each epoch, and keep the record of it."""
    schedule, code = schedule_of(folder, case), imported(folder / f"{case}.py")
    classifier = Classifier(fresh_model(variant), code)
    keep = ModelCheckpoint(folder / case, "{step}", save_top_k=-1, every_n_train_steps=7)
    trainer = pl.Trainer(
        max_epochs=code.EPOCHS + more_epochs,
        callbacks=[code.FineTuning(classifier.model), keep],
        accumulate_grad_batches=accumulate,
        default_root_dir=folder,
        **QUIET,
    )
    record = Record(classifier.model, schedule)
    images = loader() if data is None else data
    trainer.fit(classifier, images, loader(), ckpt_path=resume or None)
    record.write(folder / f"{case}.{variant}.json")


if __name__ == "__main__":
    at, cases = arguments()
    for each in cases:
        fit(at, each, "plain")
    fit(at, cases[0], "adapted")
    fit(at, cases[0], "accumulated", accumulate=2)
    fit(at, cases[-1], "resumed", resume=str(at / cases[-1] / "step=7.ckpt"))
    with refusal_in(at):
        fit(at, cases[0], "longer", more_epochs=1)
    with refusal_in(at, "streamed"):
        fit(at, cases[0], "streamed", data=DataLoader(Stream(), BATCH))
