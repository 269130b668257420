"""What was promised against what happened: rates of every step, and frozen groups that held still.

The planned rates come straight from the law, the actual ones from the optimizer; nothing here
trusts the scheduler or the freezing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from core.design import curves, plan
from core.design.spec import Group, Schedule
from core.grouping import LayerGroups, parameters_of
from core.runs.events import Audit, FrozenSpan


class Auditor:
    """Watches one run; feed it every step and both ends of every epoch, then ask for `result`."""

    def __init__(self, schedule: Schedule, layer_groups: LayerGroups, steps_per_epoch: int) -> None:
        self._schedule = schedule
        self._layers = layer_groups
        self._steps_per_epoch = steps_per_epoch
        self._steps = 0
        self._max_error = 0.0
        self._starts: dict[str, str] = {}
        self._spans: list[FrozenSpan] = []

    def epoch_begins(self, epoch: int) -> None:
        """Take the hash of each group whose frozen span starts with this epoch."""
        for group, (start, _) in self._frozen_spans():
            if start == epoch:
                self._starts[group.name] = self._hash(group)

    def step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """Compare the rates that the optimizer is about to use at `step` (from 0) with the law."""
        self._steps += 1
        time = curves.time_of_step(self._schedule, step, self._steps_per_epoch)
        epoch = step // self._steps_per_epoch
        actual = {group["name"]: float(group["lr"]) for group in optimizer.param_groups}
        for group in self._schedule.groups:
            if plan.is_open(group, epoch):
                planned = float(curves.lr(self._schedule, group, time))
                error = curves.relative_error(actual.get(group.name), planned)
                self._max_error = max(self._max_error, error)

    def epoch_ended(self, epoch: int) -> None:
        """Judge each group whose frozen span ends with this epoch."""
        for group, (start, end) in self._frozen_spans():
            if end == epoch + 1:
                unchanged = self._starts.pop(group.name, None) == self._hash(group)
                buffers = _buffers_hold_still(group)
                self._spans.append(FrozenSpan(group.name, start, end, unchanged, buffers))

    def result(self) -> Audit:
        """The verdict on everything seen so far, over all sittings of the run."""
        return Audit(
            steps=self._steps,
            max_lr_error=self._max_error,
            frozen_groups_unchanged=all(span.unchanged for span in self._spans),
            spans=tuple(self._spans),
        )

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to go on watching, as plain values."""
        spans = [(s.group, s.start, s.end, s.unchanged, s.buffers) for s in self._spans]
        return {
            "steps": self._steps,
            "max_lr_error": self._max_error,
            "starts": dict(self._starts),
            "spans": spans,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken."""
        self._steps = state["steps"]
        self._max_error = state["max_lr_error"]
        self._starts = dict(state["starts"])
        self._spans = [FrozenSpan(*span) for span in state["spans"]]

    def _frozen_spans(self) -> Iterator[tuple[Group, plan.Span]]:
        for group in self._schedule.groups:
            for span in plan.frozen_spans(group, self._schedule.epochs):
                yield group, span

    def _hash(self, group: Group) -> str:
        """A hash of the group's parameters, and of its buffers unless they may move."""
        digest = hashlib.sha256()
        layers = self._layers[group.name]
        tensors: list[Tensor] = list(parameters_of(layers))
        if _buffers_hold_still(group):
            for layer in layers:
                tensors += layer.buffers() if isinstance(layer, nn.Module) else ()
        for tensor in tensors:
            content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(content.numpy().tobytes())
        return digest.hexdigest()


def _buffers_hold_still(group: Group) -> bool:
    """Whether the frozen group's buffers, BatchNorm's statistics, are promised to stay the same."""
    return group.when_frozen == "eval" or group.batchnorm == "eval"
