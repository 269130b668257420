"""Train by exported code in two processes, each with its share of the images.

torchrun --nproc-per-node 2 -m tests.export.trainers.in_two_processes FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from torch import nn

from tests.export.trainers.recording import BATCH, Record, fresh_model, imported, schedule_of

RUNS = (
    ("accelerate", "frozen-again"),
    ("transformers", "frozen-again"),
    ("lightning", "frozen-again"),
    ("finetuning-scheduler", "discriminative-cosine"),
    ("finetuning-scheduler", "frozen-again"),
)
"""Targets and cases; FOLDER has a folder for each target. In Accelerate `core.attach` is run."""
SHARE = BATCH // 2
"""Images of a step in each process, so that an epoch has as many steps as in one."""


def accelerate(model: nn.Module, folder: Path, case: str) -> None:
    """Train with Accelerate as core/README.md does."""
    from accelerate import Accelerator, DistributedDataParallelKwargs

    from core import attach
    from tests.export.trainers.in_lightning import loader

    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    accelerator = Accelerator(cpu=True, kwargs_handlers=[unused])
    network, data = accelerator.prepare(model, loader(SHARE))
    plan = attach(accelerator.unwrap_model(network), schedule_of(folder, case), len(data))
    optimizer = accelerator.prepare(plan.optimizer)
    for epoch in range(plan.epochs):
        plan.begin(epoch)
        for images, labels in data:
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            plan.scheduler.step()


def lightning(model: nn.Module, folder: Path, case: str) -> None:
    """As the export's usage says it for several GPUs."""
    import lightning.pytorch as pl

    from tests.export.trainers.in_lightning import QUIET, Classifier, loader

    code = imported(folder / f"{case}.py")
    classifier = Classifier(model, code)
    trainer = pl.Trainer(
        max_epochs=code.EPOCHS,
        callbacks=[code.FineTuning(classifier.model)],
        strategy="ddp_find_unused_parameters_true",
        devices=2,
        enable_checkpointing=False,
        default_root_dir=folder,
        **QUIET,
    )
    trainer.fit(classifier, loader(SHARE))


def finetuning_scheduler(model: nn.Module, folder: Path, case: str) -> None:
    """The classes of the export's usage, with a Trainer of two processes."""
    import lightning.pytorch as pl
    from torch import Tensor

    from tests.export.trainers.in_lightning import QUIET, loader

    code = imported(folder / f"{case}.py")

    class Classifier(code.Classifier):
        def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
            images, labels = batch
            return nn.functional.cross_entropy(self.model(images), labels)

        def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
            self.log("val_loss", self.training_step(batch, batch_idx), sync_dist=True)

    classifier = Classifier(model)
    trainer = pl.Trainer(
        max_epochs=code.EPOCHS,
        callbacks=[
            code.FinetuningScheduler(
                folder / f"{case}.yaml", epoch_transitions_only=True, restore_best=False
            ),
            code.FTSCheckpoint(monitor="val_loss"),
            code.Rates(classifier.model),
        ],
        strategy="ddp_find_unused_parameters_true",
        devices=2,
        default_root_dir=folder,
        **QUIET,
    )
    trainer.fit(classifier, loader(SHARE), loader(SHARE))


def transformers(model: nn.Module, folder: Path, case: str) -> None:
    """As the export's usage says it."""
    from transformers import Trainer, TrainingArguments

    from tests.export.trainers.in_transformers import DATA, Classifier

    code = imported(folder / f"{case}.py")
    classifier = Classifier(model)
    args = TrainingArguments(
        output_dir=str(folder / case),
        per_device_train_batch_size=SHARE,
        num_train_epochs=code.EPOCHS,
        max_grad_norm=0.0,
        save_strategy="no",
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
    )
    finetuning = code.FineTuning(classifier.model, args, images=len(DATA))
    Trainer(
        classifier,
        args,
        train_dataset=DATA,
        callbacks=[finetuning],
        optimizers=finetuning.optimizers,
    ).train()


if __name__ == "__main__":
    torch.set_num_threads(1)
    rank = os.environ["RANK"]
    for target, name in RUNS:
        at = Path(sys.argv[1]) / target
        network = fresh_model()
        record = Record(network, schedule_of(at, name))
        globals()[target.replace("-", "_")](network, at, name)
        record.write(at / f"{name}.{rank}.json")
        torch.save(network.state_dict(), at / f"{name}.{rank}.pt")
    torch.distributed.barrier()
    os._exit(0)  # all is written, and gloo's threads now and then abort a Python that ends
