"""A schedule for fastai: a Learner's splitter and optimizer, and a callback for the rest."""

from __future__ import annotations

from core.export.exported import MODULE, Exported, Limitation, Source
from core.export.python import freezing, table
from core.export.python.file import python_file
from core.schedule.spec import Schedule


def export(source: Source) -> Exported:
    """Return a module to import into one's own fastai notebook or script."""
    schedule = source.schedule
    text = python_file(
        source,
        [
            "from fastai.callback.core import Callback, TrainEvalCallback",
            "from fastai.optimizer import OptimWrapper",
        ],
        freezing.freezing(source),
        _learner(schedule),
        _CALLBACK,
    )
    return Exported(
        text,
        _limitations(schedule),
        kept="the rate of every batch, what trains when, and what holds still when frozen; "
        "fastai's own freezing, which leaves BatchNorm open and forgets the optimizer's moments, "
        "isn't used",
        usage=_usage(schedule),
    )


def _learner(schedule: Schedule) -> str:
    return f'''def splitter(model):
    """The parameters of every group: a Learner's `splitter`."""
    return [parameters(model, group) for group in GROUPS]


def make_optimizer(split, lr):
    """PyTorch's optimizer as fastai takes it, a Learner's `opt_func`; FineTuning sets the rates."""

    def made(groups):
        return {table.optimizer(schedule, "groups")}

    return OptimWrapper(split, opt=made)'''


_CALLBACK = '''\
class FineTuning(Callback):
    """Freezes and thaws, and sets the rates, in a `fit` of all the schedule's epochs."""

    run_after = TrainEvalCallback  # which puts the model into train mode
    run_valid = False

    def before_fit(self):
        if self.n_epoch != EPOCHS:
            raise ValueError(f"the schedule has {EPOCHS} epochs: call fit({EPOCHS})")

    def before_train(self):
        freeze(self.model, self.epoch)

    def before_batch(self):
        now = time(self.epoch * self.n_iter + self.iter, self.n_iter)
        self.opt.set_hypers(lr=[rate(group, now) for group in GROUPS])'''


def _limitations(schedule: Schedule) -> tuple[Limitation, ...]:
    if schedule.lr.interval == "epoch":
        return ()
    return (
        Limitation(
            "lr.interval",
            "fastai's GradientAccumulation counts images, not steps of the optimizer",
            "with that callback a step has the rate of its last batch",
        ),
    )


def _usage(schedule: Schedule) -> str:
    return f"""\
from fastai.learner import Learner

import {MODULE} as tuning

# model: {schedule.model.name} itself, not cut into body and head by vision_learner
learner = Learner(
    loaders,
    model,
    splitter=tuning.splitter,
    opt_func=tuning.make_optimizer,
    cbs=[tuning.FineTuning()],
)
learner.fit(tuning.EPOCHS)  # not fit_one_cycle, which sets its own curve
"""
