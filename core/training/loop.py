"""One epoch of training and one evaluation, as generators of their events."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from core.runs.events import Progress, Step
from core.schedule import words
from core.schedule.batches import batches
from core.training.audit import Auditor
from core.training.cache.forward_path import ForwardPath, Inputs
from core.training.nan_report import NotFiniteError


class StopRequested(Exception):  # noqa: N818 - nothing went wrong
    """The run was asked to stop; raised between batches."""


@dataclass(slots=True)
class Totals:
    """Sums over images, of which `loss` and `accuracy` are the means."""

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
class Evaluation:
    """The totals of an evaluation, and the class of each image with the highest score.

    `predicted` (int64) and `confidence`, the softmax of that class (float32), have the shape
    (images,), on the CPU.
    """

    totals: Totals
    predicted: Tensor
    confidence: Tensor


@dataclass(frozen=True, slots=True)
class Loop:
    """The loop over batches; `should_stop` is called before each of them."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    auditor: Auditor
    batch_size: int
    should_stop: Callable[[], bool]

    def train_epoch(
        self, epoch: int, path: ForwardPath, entries: Tensor, labels: Tensor
    ) -> Generator[Step, None, Totals]:
        """Yield every step, and return the totals over the epoch's entries and their labels.

        The model must be in train mode. Raises StopRequested when asked to stop, and
        NotFiniteError for a loss that is not finite.
        """
        totals = Totals()
        spans = batches(len(entries), self.batch_size)
        inputs = path.stream(entries[start:end] for start, end in spans)
        for index, (start, end) in enumerate(spans):
            self.check_stop()
            number, batch = epoch * len(spans) + index, entries[start:end]
            lrs, results = self._step(number, path, next(inputs), labels[start:end])
            loss, correct = results()
            if not math.isfinite(loss):  # before the next step begins
                raise _not_finite(loss, epoch, number, batch, lrs)
            totals.add(len(batch), loss, int(correct))
            yield Step(number, epoch, loss, lrs)
        return totals

    @torch.no_grad()
    def evaluate(
        self, epoch: int, path: ForwardPath, labels: Tensor
    ) -> Generator[Progress, None, Evaluation]:
        """Yield progress, and return the evaluation. The model is in eval mode afterwards.

        Raises StopRequested when asked to stop, and NotFiniteError for a loss that is not finite.
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
            true = labels[start:end].to(device)
            logits = path.logits(torch.arange(start, end))
            losses.append(nn.functional.cross_entropy(logits, true))
            predicted.append(logits.argmax(1))
            confidence.append(logits.float().softmax(1).amax(1))
            correct.append((predicted[-1] == true).sum())
        totals = Totals()
        for (start, end), loss, right in zip(
            spans, torch.stack(losses).tolist(), torch.stack(correct).tolist(), strict=True
        ):
            if not math.isfinite(loss):
                what = f"the validation loss is {loss} after epoch {epoch}"
                raise NotFiniteError(what, "validation", torch.arange(start, end))
            totals.add(end - start, loss, right)
        return Evaluation(totals, torch.cat(predicted).cpu(), torch.cat(confidence).cpu())

    def check_stop(self) -> None:
        """Raise StopRequested if the run was asked to stop."""
        if self.should_stop():
            raise StopRequested

    def _step(
        self, step: int, path: ForwardPath, inputs: Inputs, labels: Tensor
    ) -> tuple[dict[str, float], Callable[[], tuple[float, float]]]:
        """Take a step, and return its rates and a function that waits for its loss and its hits.

        An accelerator may still be at work on the step until that function is called.
        """
        self.optimizer.zero_grad(set_to_none=True)
        logits = path.network(*inputs)
        labels = labels.to(logits.device)
        loss = nn.functional.cross_entropy(logits, labels)
        results = _start_fetch(loss.detach(), (logits.detach().argmax(1) == labels).sum())
        torch.autograd.backward(loss)
        self.auditor.step(step, self.optimizer)
        lrs = {str(group["name"]): float(group["lr"]) for group in self.optimizer.param_groups}
        self.optimizer.step()
        self.scheduler.step()
        return lrs, results


def _start_fetch(one: Tensor, other: Tensor) -> Callable[[], tuple[float, float]]:
    """Begin to fetch two numbers, and return a function that waits for them.

    On CUDA it waits only for what was queued before them, not for the backward pass after them.
    """
    if one.device.type != "cuda":
        return lambda: (float(one), float(other))
    fetched = [tensor.to("cpu", non_blocking=True) for tensor in (one, other)]
    arrived = cast(Any, torch.cuda).Event()
    arrived.record(torch.cuda.current_stream(one.device))

    def wait() -> tuple[float, float]:
        arrived.synchronize()
        return float(fetched[0]), float(fetched[1])

    return wait


def _not_finite(
    loss: float, epoch: int, step: int, entries: Tensor, lrs: dict[str, float]
) -> NotFiniteError:
    rates = ", ".join(f"{name} {words.rate(lr)}" for name, lr in lrs.items())
    what = f"the loss is {loss} in epoch {epoch}, step {step} (learning rates: {rates})"
    return NotFiniteError(what, "train", entries, step, lrs)
