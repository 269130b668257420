"""A schedule for Hugging Face's Trainer: a callback, and its optimizer and scheduler."""

from __future__ import annotations

from core.export.exported import MODULE, Exported, Source
from core.export.python import freezing, optimizer
from core.export.python.file import python_file
from core.schedule.spec import Schedule

_CALLBACK = '''\
class FineTuning(TrainerCallback):
    """Freezes and thaws the layers of `model`, which is what Trainer trains or a part of it.

    Trainer takes `optimizers` besides. `images` is the length of the training data.
    """

    def __init__(self, model, args, images):
        self.model = model
        self.epoch = 0
        self.hook = None
        for parameter in model.parameters():  # DDP syncs only what needs gradients at its start
            parameter.requires_grad_(may_train(parameter))
        batches = math.ceil(images / (args.train_batch_size * args.world_size))
        self.steps_per_epoch = math.ceil(batches / args.gradient_accumulation_steps)
        optimizer = make_optimizer(model)
        self.optimizers = (optimizer, make_scheduler(optimizer, self.steps_per_epoch))

    def on_train_begin(self, args, state, control, **kwargs):
        if state.max_steps != EPOCHS * self.steps_per_epoch:
            raise ValueError(
                f"Trainer would take {state.max_steps} steps, but the schedule has {EPOCHS} epochs "
                f"of {self.steps_per_epoch}: set num_train_epochs={EPOCHS}, and give all images"
            )
        if self.hook:  # of a training that has failed
            self.hook.remove()
        # Trainer calls model.train() in every step
        self.hook = self.model.register_forward_pre_hook(self.hold)

    def on_train_end(self, args, state, control, **kwargs):
        self.hook.remove()  # so that the model can be saved as a whole

    def on_step_begin(self, args, state, control, **kwargs):
        self.epoch = state.global_step // self.steps_per_epoch
        freeze(self.model, self.epoch)  # here too: DataParallel's replicas have no parameters

    def hold(self, model, inputs):
        if model.training:
            freeze(model, self.epoch)'''


def export(source: Source) -> Exported:
    """A module to import into one's own Trainer script; it says all that the schedule says."""
    text = python_file(
        source,
        ["from transformers import TrainerCallback"],
        freezing.freezing(source),
        optimizer.optimizer(source.schedule),
        _CALLBACK,
    )
    return Exported(
        text,
        kept="the rate of every optimizer step, what trains when, and what holds still when frozen",
        usage=_usage(source.schedule),
    )


def _usage(schedule: Schedule) -> str:
    return f"""\
from transformers import Trainer, TrainingArguments

import {MODULE} as tuning

# classifier: takes images and labels, returns the loss; classifier.model is {schedule.model.name}
args = TrainingArguments(
    num_train_epochs=tuning.EPOCHS,
    max_grad_norm=0.0,  # by default Trainer clips gradients at 1
)
finetuning = tuning.FineTuning(classifier.model, args, images=len(train_data))
trainer = Trainer(
    classifier,
    args,
    train_dataset=train_data,
    callbacks=[finetuning],
    optimizers=finetuning.optimizers,
)
trainer.train()
"""
