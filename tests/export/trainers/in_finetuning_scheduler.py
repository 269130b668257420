"""Train by exported phases and code in finetuning-scheduler.

python -m tests.export.trainers.in_finetuning_scheduler FOLDER CASES
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.export.trainers.recording import (
    BATCH,
    IMAGES,
    LABELS,
    Record,
    arguments,
    fresh_model,
    imported,
    schedule_of,
)

LOADER = DataLoader(TensorDataset(IMAGES, LABELS), BATCH)


def fit(folder: Path, case: str, variant: str) -> None:
    """Train once, with a validation after each epoch, and keep the record of it.

    The variant "alone" has the phases without the code that sets the rates of every step.
    """
    schedule, code = schedule_of(folder, case), imported(folder / f"{case}.py")

    class Classifier(code.Classifier):
        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
            images, labels = batch
            return nn.functional.cross_entropy(self.model(images), labels)

        def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
            self.log("val_loss", self.training_step(batch, batch_idx))

    classifier = Classifier(fresh_model(variant))
    trainer = code.make_trainer(classifier.model, folder / f"{case}.yaml", folder / case)
    if variant == "alone":
        trainer.callbacks = [c for c in trainer.callbacks if not isinstance(c, code.Rates)]
    record = Record(classifier.model, schedule)
    trainer.fit(classifier, LOADER, LOADER)
    record.write(folder / f"{case}.{variant}.json")


if __name__ == "__main__":
    at, cases = arguments()
    for each in cases:
        fit(at, each, "plain")
    fit(at, cases[0], "alone")
    fit(at, cases[0], "adapted")
