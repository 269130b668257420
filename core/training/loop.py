"""One epoch of training and one evaluation, as generators of their events."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.lr_scheduler import LRScheduler

from core.runs.events import Progress, Step
from core.schedule import words
from core.training.audit import Auditor
from core.training.cache.forward_path import ForwardPath, Inputs
from core.training.data import Split
from core.training.distributed import Ranks, without_exchange
from core.training.nan_report import NotFiniteError
from core.training.shards import Batch
from core.training.stepper import Stepper


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
    stepper: Stepper
    scheduler: LRScheduler
    auditor: Auditor
    ranks: Ranks
    should_stop: Callable[[], bool]

    def train_epoch(
        self, epoch: int, path: ForwardPath, split: Split, batches: Sequence[Batch]
    ) -> Generator[Step, None, Totals]:
        """Yield every step, and return the totals over the epoch's batches.

        The model must be in train mode. Raises StopRequested when asked to stop, and
        NotFiniteError for a loss that is not finite.
        """
        totals = Totals()
        entries = (entries for batch in batches for entries in batch.micro_batches)
        with closing(path.stream(entries)) as inputs:
            for index, batch in enumerate(batches):
                self.check_stop()
                number = epoch * len(batches) + index
                lrs, results = self._step(number, path.network, inputs, split, batch)
                loss, correct = results()
                if not math.isfinite(loss):  # before the next step begins
                    raise self._not_finite(loss, epoch, number, batch.entries, lrs)
                totals.add(len(batch.entries), loss, int(correct))
                yield Step(number, epoch, loss, lrs)
        return totals

    @torch.no_grad()
    def evaluate(
        self, epoch: int, path: ForwardPath, split: Split, batches: list[Tensor]
    ) -> Generator[Progress, None, Evaluation]:
        """Yield progress through this process's batches, and return the evaluation of all.

        The model is in eval mode afterwards. Raises StopRequested when asked to stop, and
        NotFiniteError for a loss that is not finite.
        """
        self.model.eval()
        results: list[tuple[Tensor, Tensor, Tensor]] = []
        with closing(path.stream(batches)) as inputs:
            for index, entries in enumerate(batches):
                self.check_stop()
                yield Progress("evaluating", index, len(batches))
                logits = path.network(*next(inputs))
                true = split.labels_of(entries).to(logits.device)
                loss = nn.functional.cross_entropy(logits, true)
                results.append((loss, logits.argmax(1), logits.float().softmax(1).amax(1)))
        losses, classes, scores = zip(*results, strict=True)
        own = (  # whole tensors, since with a view all that it is a view of is sent
            [len(entries) for entries in batches],
            torch.cat(batches),
            torch.stack(losses).tolist(),  # at the end: each fetch waits for the device
            torch.cat(classes).cpu(),
            torch.cat(scores).cpu(),
        )
        totals = Totals()
        predicted = torch.empty(len(split), dtype=torch.int64)
        confidence = torch.empty(len(split))
        for sizes, of_one, means, its_classes, its_scores in self.ranks.all_gather(own):
            predicted[of_one], confidence[of_one] = its_classes, its_scores
            for entries, mean in zip(torch.split(of_one, sizes), means, strict=True):
                if not math.isfinite(mean):
                    what = f"the validation loss is {mean} after epoch {epoch}{self._in_float16()}"
                    raise NotFiniteError(what, "validation", entries)
                right = int((predicted[entries] == split.labels_of(entries)).sum())
                totals.add(len(entries), mean, right)
        return Evaluation(totals, predicted, confidence)

    def check_stop(self) -> None:
        """Raise StopRequested if the run was asked to stop."""
        if self.should_stop():
            raise StopRequested

    def _step(
        self,
        step: int,
        network: nn.Module,
        inputs: Iterator[Inputs],
        split: Split,
        batch: Batch,
    ) -> tuple[dict[str, float], Callable[[], tuple[float, float]]]:
        """Take a step, and return its rates and a function that waits for its loss and its hits.

        An accelerator may still be at work on the step until that function is called.
        """
        self.optimizer.zero_grad(set_to_none=True)
        losses: list[Tensor] = []
        hits: list[Tensor] = []
        last = len(batch.micro_batches) - 1
        for at, entries in enumerate(batch.micro_batches):
            with ExitStack() as around:
                if at > 0:
                    around.enter_context(_running_statistics_held(self.model))
                if at < last:
                    around.enter_context(without_exchange(network))
                logits = network(*next(inputs))
                labels = split.labels_of(entries).to(logits.device)
                loss = nn.functional.cross_entropy(logits, labels)
                share = len(entries) / len(batch.entries)
                if share < 1:
                    loss = loss * share
                losses.append(loss.detach())
                hits.append((logits.detach().argmax(1) == labels).sum())
                if at == last:
                    results = _start_fetch(*self._in_all(losses, hits))
                # gradients are averaged over processes, of which each has a share of the mean
                self.stepper.backward(loss * self.ranks.size if self.ranks.size > 1 else loss)
        self.auditor.step(step, self.optimizer)
        lrs = {str(group["name"]): float(group["lr"]) for group in self.optimizer.param_groups}
        self.stepper.step()
        self.scheduler.step()
        return lrs, results

    def _in_all(self, losses: list[Tensor], hits: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the sums over the micro-batches of all processes."""
        loss, right = sum(losses[1:], losses[0]), sum(hits[1:], hits[0])
        if self.ranks.size == 1:
            return loss, right
        loss, right = self.ranks.all_reduce(torch.stack([loss, right.to(loss.dtype)]))
        return loss, right

    def _not_finite(
        self, loss: float, epoch: int, step: int, entries: Tensor, lrs: dict[str, float]
    ) -> NotFiniteError:
        rates = ", ".join(f"{name} {words.rate(lr)}" for name, lr in lrs.items())
        where = f"in epoch {epoch}, step {step} (learning rates: {rates}){self._in_float16()}"
        return NotFiniteError(f"the loss is {loss} {where}", "train", entries, step, lrs)

    def _in_float16(self) -> str:
        """Return what to know of float16 where a loss is not finite; empty without it."""
        if not self.stepper.is_float16:
            return ""
        return ", in float16, which ends at 65,504 (--autocast bf16 goes on)"


@contextmanager
def _running_statistics_held(model: nn.Module) -> Iterator[None]:
    """Let BatchNorm that trains leave its running statistics as they are.

    They come from the first micro-batch alone, as they come from the first process alone in
    DistributedDataParallel, so that they do not depend on the number of processes.
    """
    tracking = [
        each
        for each in model.modules()
        if isinstance(each, _BatchNorm) and each.training and each.track_running_stats
    ]
    for norm in tracking:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in tracking:
            norm.track_running_stats = True


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
