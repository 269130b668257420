"""The schedule as fastai runs it: a fit per phase, `freeze_to` between them."""

from __future__ import annotations

import tempfile
from functools import partial

import torch
from fastai.callback import progress  # noqa: F401 - gives Learner its no_bar
from fastai.callback.core import Callback, TrainEvalCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.optimizer import OptimWrapper
from torch import nn

from tests.benchmarks.start import Start


class Schedule(Callback):
    """Sets the rates before every step, and keeps frozen groups in eval mode.

    fastai's own BnFreeze does the latter for BatchNorm; this one also knows groups whose BatchNorm
    is to hold still while they train.
    """

    run_after = TrainEvalCallback

    def __init__(self, start: Start) -> None:
        super().__init__()
        self._start = start
        self._step = 0

    def before_train(self) -> None:
        frozen = list(self._start.groups)[: self.opt.frozen_idx]
        self._start.hold_still(frozen)

    def before_batch(self) -> None:
        if self.training:
            self.opt.set_hypers(lr=[rates[self._step] for rates in self._start.rates.values()])
            self._step += 1


def fine_tune(start: Start) -> nn.Module:
    """Train without a progress bar; `train_bn=False`, or BatchNorm would train in frozen groups."""
    names = list(start.groups)
    ends = [*list(start.thaws)[1:], start.epochs]
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(
            DataLoaders(*start.loaders, path=folder),
            start.model,
            loss_func=nn.CrossEntropyLoss(),
            opt_func=partial(OptimWrapper, opt=torch.optim.Adam),
            splitter=lambda model: [start.parameters(name) for name in names],
            cbs=[Schedule(start)],
            metrics=accuracy,
            train_bn=False,
            path=folder,
        )
        with learner.no_bar(), learner.no_logging():
            for (epoch, groups), end in zip(start.thaws.items(), ends, strict=True):
                learner.freeze_to(min(names.index(name) for name in groups))
                learner.fit(end - epoch)
    return start.model
