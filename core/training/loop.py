"""One epoch of training and one evaluation, as generators of what happens in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from core.design.batches import batches
from core.runs.events import Progress, Step
from core.training.audit import Auditor
from core.training.evidence import NotFiniteError
from core.training.route import Inputs, Route

_WAIT_STEPS = 16
"""Steps whose losses are fetched together from an accelerator, since each fetch waits for it."""


class StopRequested(Exception):  # noqa: N818 - nothing went wrong
    """Someone asked the run to stop; it ends the batch loop, wherever that is."""


@dataclass(slots=True)
class Totals:
    """Sums over images: `loss` and `accuracy` are means."""

    images: int = 0
    loss_sum: float = 0.0
    correct: int = 0

    def add(self, images: int, mean_loss: float, correct: int) -> None:
        """Count one batch."""
        self.images += images
        self.loss_sum += mean_loss * images
        self.correct += correct

    @property
    def loss(self) -> float:
        """Mean loss per image."""
        return self.loss_sum / self.images

    @property
    def accuracy(self) -> float:
        """Share of images that were classified right, from 0 to 1."""
        return self.correct / self.images


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation: its totals, and of each image the class that got the highest score.

    `predicted` (int64) and `confidence`, that class's softmax (float32), are (images,), on the CPU.
    """

    totals: Totals
    predicted: Tensor
    confidence: Tensor


@dataclass(frozen=True, slots=True)
class _Pending:
    """A step that was taken, and its results that may still lie on the accelerator."""

    step: int
    lrs: dict[str, float]
    entries: Tensor
    loss: Tensor
    correct: Tensor


@dataclass(frozen=True, slots=True)
class Loop:
    """What every epoch works on. `should_stop` is asked before each batch."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    auditor: Auditor
    batch_size: int
    should_stop: Callable[[], bool]

    def train_epoch(
        self, epoch: int, route: Route, entries: Tensor, truth: Tensor
    ) -> Generator[Step, None, Totals]:
        """Yields every step, and returns the totals over the epoch's entries and their labels.

        The model is in train mode already. Raises StopRequested when asked to stop, and
        NotFiniteError for a loss that is not finite.
        """
        totals, pending = Totals(), list[_Pending]()
        spans = batches(len(entries), self.batch_size)
        inputs = route.stream(entries[start:end] for start, end in spans)
        wait = 1 if next(self.model.parameters()).device.type == "cpu" else _WAIT_STEPS
        for index, (start, end) in enumerate(spans):
            self.check_stop()
            number, seen = epoch * len(spans) + index, entries[start:end]
            pending.append(self._step(number, route, next(inputs), seen, truth[start:end]))
            if len(pending) == wait or index == len(spans) - 1:
                for step in pending:
                    yield _settle(step, epoch, totals)
                pending.clear()
        return totals

    @torch.no_grad()
    def evaluate(
        self, epoch: int, route: Route, labels: Tensor
    ) -> Generator[Progress, None, Judged]:
        """Yields its progress, and returns what came out for the images. Leaves eval mode on.

        Raises StopRequested when asked to stop, and NotFiniteError as above.
        """
        self.model.eval()
        spans = batches(len(labels), self.batch_size)
        device = next(self.model.parameters()).device
        losses: list[Tensor] = []  # fetched at the end, since each fetch waits for the device
        correct: list[Tensor] = []
        predicted: list[Tensor] = []
        confidence: list[Tensor] = []
        for index, (start, end) in enumerate(spans):
            self.check_stop()
            yield Progress("evaluating", index, len(spans))
            truth = labels[start:end].to(device)
            logits = route.logits(torch.arange(start, end))
            losses.append(nn.functional.cross_entropy(logits, truth))
            predicted.append(logits.argmax(1))
            confidence.append(logits.float().softmax(1).amax(1))
            correct.append((predicted[-1] == truth).sum())
        totals = Totals()
        for (start, end), loss, right in zip(
            spans, torch.stack(losses).tolist(), torch.stack(correct).tolist(), strict=True
        ):
            if not math.isfinite(loss):
                what = f"the validation loss is {loss} after epoch {epoch}"
                raise NotFiniteError(what, "validation", torch.arange(start, end))
            totals.add(end - start, loss, right)
        return Judged(totals, torch.cat(predicted).cpu(), torch.cat(confidence).cpu())

    def check_stop(self) -> None:
        """Raise StopRequested if the run was asked to stop."""
        if self.should_stop():
            raise StopRequested

    def _step(
        self, step: int, route: Route, inputs: Inputs, entries: Tensor, truth: Tensor
    ) -> _Pending:
        self.optimizer.zero_grad(set_to_none=True)
        logits = route.network(*inputs)
        truth = truth.to(logits.device)
        loss = nn.functional.cross_entropy(logits, truth)
        torch.autograd.backward(loss)
        self.auditor.step(step, self.optimizer)
        lrs = {str(group["name"]): float(group["lr"]) for group in self.optimizer.param_groups}
        self.optimizer.step()
        self.scheduler.step()
        correct = (logits.detach().argmax(1) == truth).sum()
        return _Pending(step, lrs, entries, loss.detach(), correct)


def _settle(step: _Pending, epoch: int, totals: Totals) -> Step:
    loss = float(step.loss)
    if not torch.isfinite(step.loss):
        rates = ", ".join(f"{name} {lr:.3g}" for name, lr in step.lrs.items())
        what = f"the loss is {loss} in epoch {epoch}, step {step.step} (learning rates: {rates})"
        raise NotFiniteError(what, "train", step.entries, step.step, step.lrs)
    totals.add(len(step.entries), loss, int(step.correct))
    return Step(step.step, epoch, loss, step.lrs)
