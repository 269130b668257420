"""Train by exported code in Hugging Face's Trainer.

python -m tests.export.trainers.in_transformers FOLDER CASES
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import Trainer, TrainerControl, TrainerState, TrainingArguments

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

DATA = [{"images": image, "labels": label} for image, label in zip(IMAGES, LABELS, strict=True)]


class Classifier(nn.Module):
    """Takes images and labels and returns the loss, as Trainer wants it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.model(images)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def fit(folder: Path, case: str, variant: str, resume: str | None = None, **options: Any) -> None:
    """Train once, with an evaluation after each epoch, and keep the record of it."""
    schedule, code = schedule_of(folder, case), imported(folder / f"{case}.py")
    classifier = Classifier(fresh_model(variant))
    args = TrainingArguments(
        output_dir=str(folder / case),
        per_device_train_batch_size=BATCH,
        max_grad_norm=0.0,
        eval_strategy="epoch",
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        **{"num_train_epochs": code.EPOCHS, "save_strategy": "no", **options},
    )
    finetuning = code.FineTuning(classifier.model, args, images=len(DATA))
    trainer = Trainer(
        classifier,
        args,
        train_dataset=DATA,
        eval_dataset=DATA,
        callbacks=[finetuning],
        optimizers=finetuning.optimizers,
    )
    record = Record(classifier.model, schedule)
    trainer.train(resume_from_checkpoint=resume)
    assert not classifier.model._forward_pre_hooks
    record.write(folder / f"{case}.{variant}.json")


def frozen_before_any_batch(folder: Path, case: str) -> None:
    """Keep which groups train once a step begins, in each epoch, before the model is called."""
    schedule, code = schedule_of(folder, case), imported(folder / f"{case}.py")
    model = fresh_model()
    args = TrainingArguments(
        output_dir=str(folder / case), per_device_train_batch_size=BATCH, use_cpu=True, report_to=[]
    )
    finetuning = code.FineTuning(model, args, images=len(DATA))
    rows = []
    for epoch in range(schedule.epochs):
        state = TrainerState(global_step=epoch * finetuning.steps_per_epoch)
        finetuning.on_step_begin(args, state, TrainerControl())
        flags = [{p.requires_grad for p in code.parameters(model, g)} for g in code.GROUPS]
        rows.append([True in found for found in flags])
    (folder / "before.json").write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    at, cases = arguments()
    for each in cases[:-1]:
        fit(at, each, "plain")
    fit(at, cases[-1], "plain", save_strategy="steps", save_steps=7)
    fit(at, cases[-1], "resumed", resume=str(at / cases[-1] / "checkpoint-7"))
    fit(at, cases[0], "adapted")
    fit(at, cases[0], "accumulated", gradient_accumulation_steps=2)
    with refusal_in(at):
        fit(at, cases[0], "longer", num_train_epochs=7)
    frozen_before_any_batch(at, cases[-1])
