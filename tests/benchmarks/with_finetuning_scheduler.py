"""The schedule as finetuning-scheduler runs it under Lightning: explicit, epoch by epoch."""

from __future__ import annotations

import logging
import tempfile
import warnings

import lightning.pytorch as pl
import torch
from finetuning_scheduler import FinetuningScheduler, FTSCheckpoint
from torch import Tensor, nn

from tests.benchmarks.start import Start


class Module(pl.LightningModule):
    """The model, its loss, and its rates by step; a phase adds one param group to the optimizer."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        self.model = start.model
        self._start = start
        self._owners = {id(p): name for name in start.groups for p in start.parameters(name)}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=1.0)

    def on_train_epoch_start(self) -> None:
        opened = [
            name
            for at, names in self._start.thaws.items()
            if at <= self.current_epoch
            for name in names
        ]
        self.model.train()
        self._start.hold_still(self._start.groups.keys() - opened)

    def on_train_batch_start(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        for group in self.trainer.optimizers[0].param_groups:
            owner = self._owners[id(group["params"][0])]
            group["lr"] = self._start.rates[owner][self.global_step]

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.model(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        images, labels = batch
        outputs = self.model(images)
        loss = nn.functional.cross_entropy(outputs, labels)
        accuracy = (outputs.argmax(1) == labels).float().mean()
        self.log_dict({"val_loss": loss, "val_accuracy": accuracy}, batch_size=len(labels))


def fine_tune(start: Start) -> nn.Module:
    """Train without logger, progress bar and checkpoints, which would cost time."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    module = Module(start)
    with tempfile.TemporaryDirectory() as scratch:  # FTS writes the schedule that it was given
        trainer = _trainer(start, module, scratch)
        trainer.fit(module, *start.loaders)
    return start.model


def _trainer(start: Start, module: nn.Module, scratch: str) -> pl.Trainer:
    return pl.Trainer(
        default_root_dir=scratch,
        max_epochs=start.epochs,
        accelerator="cpu",
        callbacks=[
            FinetuningScheduler(
                ft_schedule=_phases(start, module),
                epoch_transitions_only=True,
                restore_best=False,
                logging_level=logging.ERROR,
            ),
            FTSCheckpoint(monitor="val_loss", save_top_k=0),
        ],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _phases(start: Start, module: nn.Module) -> dict[int, dict[str, object]]:
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    ends = [*list(start.thaws)[1:], start.epochs]
    return {
        depth: {
            "params": [names[id(p)] for group in groups for p in start.parameters(group)],
            "max_transition_epoch": end,
            "lr": 1.0,
        }
        for depth, (groups, end) in enumerate(zip(start.thaws.values(), ends, strict=True))
    }
