"""A schedule for Lightning: a callback that freezes and thaws, and an optimizer to configure."""

from __future__ import annotations

from core.export.exported import MODULE, Exported, Source
from core.export.python import freezing, optimizer
from core.export.python.file import python_file
from core.schedule.spec import Schedule

_CALLBACK = '''\
def configure_optimizers(module, model):
    """What the LightningModule's method of that name is to return."""
    trainer = module.trainer
    if trainer.max_epochs != EPOCHS or trainer.max_steps != -1:
        raise ValueError(f"the schedule has {EPOCHS} epochs: make a Trainer(max_epochs={EPOCHS})")
    steps = trainer.estimated_stepping_batches
    if steps < EPOCHS:  # -1 for an IterableDataset
        raise ValueError("the training data has no length: set the Trainer's limit_train_batches")
    optimizer = make_optimizer(model)
    scheduler = make_scheduler(optimizer, steps // EPOCHS)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class FineTuning(pl.Callback):
    """Freezes and thaws the layers of `model`, the LightningModule's network."""

    def __init__(self, model):
        self.model = model

    def setup(self, trainer, pl_module, stage):
        if stage == "fit":  # DDP syncs only what needs gradients at its start
            for parameter in self.model.parameters():
                parameter.requires_grad_(may_train(parameter))

    def on_train_start(self, trainer, pl_module):
        self.on_train_epoch_start(trainer, pl_module)  # for a run that resumes within an epoch

    def on_train_epoch_start(self, trainer, pl_module):
        self.model.train()
        freeze(self.model, trainer.current_epoch)'''


def export(source: Source) -> Exported:
    """A module to import into one's own Lightning script; it says all that the schedule says."""
    return Exported(
        python_file(
            source,
            ["import lightning.pytorch as pl"],
            freezing.freezing(source),
            optimizer.optimizer(source.schedule),
            _CALLBACK,
        ),
        kept="the rate of every optimizer step, what trains when, and what holds still when frozen",
        usage=_usage(source.schedule),
    )


def _usage(schedule: Schedule) -> str:
    return f"""\
import lightning.pytorch as pl

import {MODULE} as tuning


class Classifier(pl.LightningModule):
    def __init__(self, model):  # {schedule.model.name}
        super().__init__()
        self.model = model

    def configure_optimizers(self):
        return tuning.configure_optimizers(self, self.model)

    ...


classifier = Classifier(model)
trainer = pl.Trainer(  # with several GPUs: strategy="ddp_find_unused_parameters_true"
    max_epochs=tuning.EPOCHS, callbacks=[tuning.FineTuning(classifier.model)]
)
trainer.fit(classifier, train_loader, validation_loader)
"""
