"""The audit of a run: the rates of every step against the planned ones, and frozen groups' hashes.

The planned rates come straight from the rate function, the actual ones from the optimizer; nothing
here trusts the scheduler or the freezing.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import RunError
from core.grouping import Layer, LayerGroups, parameters_of
from core.runs.events import Audit, FrozenSpan
from core.schedule import curves, plan
from core.schedule.spec import Group, Schedule
from core.training.distributed import Ranks


class Auditor:
    """The audit of a run in progress: call it at each step and at both ends of each epoch."""

    def __init__(self, schedule: Schedule, layer_groups: LayerGroups, steps_per_epoch: int) -> None:
        self._schedule = schedule
        self._layers = layer_groups
        self._steps_per_epoch = steps_per_epoch
        self._names = tuple(group.name for group in schedule.groups)
        self._steps = 0
        self._pending = array("q")  # steps whose rates are still to be compared
        self._actual = array("d")  # and those rates, a row of all groups for each step
        self._max_error = 0.0
        self._starts: dict[str, str] = {}
        self._spans: list[FrozenSpan] = []

    def epoch_begins(self, epoch: int) -> None:
        """Take the hash of each group whose frozen span starts with this epoch."""
        for group, (start, _) in self._frozen_spans():
            if start == epoch:
                self._starts[group.name] = self._hash(group)

    def step(self, step: int, optimizer: torch.optim.Optimizer) -> None:
        """Record the rates that the optimizer is about to use at `step` (from 0).

        They are compared with the planned ones later, many steps at once.
        """
        self._steps += 1
        actual = {group["name"]: float(group["lr"]) for group in optimizer.param_groups}
        self._pending.append(step)
        self._actual.extend([actual.get(name, math.nan) for name in self._names])
        if len(self._actual) >= curves.AT_ONCE:
            self._compare()

    def epoch_ended(self, epoch: int) -> None:
        """Compare the hash of each group whose frozen span ends with this epoch."""
        for group, (start, end) in self._frozen_spans():
            if end == epoch + 1:
                unchanged = self._starts.pop(group.name, None) == self._hash(group)
                buffers = _buffers_hold_still(group)
                self._spans.append(FrozenSpan(group.name, start, end, unchanged, buffers))

    def result(self) -> Audit:
        """Return the audit of all steps and epochs so far, over all sessions of the run."""
        self._compare()
        return Audit(
            steps=self._steps,
            max_lr_error=self._max_error,
            frozen_groups_unchanged=all(span.unchanged for span in self._spans),
            spans=tuple(self._spans),
        )

    def compare(self, ranks: Ranks, epoch: int) -> None:
        """Count what the auditors of all processes have found, after that epoch.

        Raises RunError, naming the group, if its parameters or buffers are not the same in all.
        """
        self._compare()
        hashes = {name: _hash(layers, buffers=True) for name, layers in self._layers.items()}
        found = ranks.all_gather((self._max_error, self._spans, hashes))
        self._max_error = max(error for error, _, _ in found)
        self._spans = [
            replace(of_all[0], unchanged=all(span.unchanged for span in of_all))
            for of_all in zip(*(spans for _, spans, _ in found), strict=True)
        ]
        _, _, first = found[0]
        for name in first:
            others = [str(at) for at, (_, _, its) in enumerate(found) if its[name] != first[name]]
            if others:
                raise RunError(
                    f"after epoch {epoch}, group {name!r} is not the same in all processes (it "
                    f"differs in {', '.join(others)} from that in 0): resume the run; if it "
                    "happens again, use machines and devices of one kind"
                )

    def state_dict(self) -> dict[str, Any]:
        """Return, as plain values, what the auditor of a resumed run needs to go on."""
        self._compare()
        spans = [(s.group, s.start, s.end, s.unchanged, s.buffers) for s in self._spans]
        return {
            "steps": self._steps,
            "max_lr_error": self._max_error,
            "starts": dict(self._starts),
            "spans": spans,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken."""
        self._forget()
        self._steps = state["steps"]
        self._max_error = state["max_lr_error"]
        self._starts = dict(state["starts"])
        self._spans = [FrozenSpan(*span) for span in state["spans"]]

    def _compare(self) -> None:
        """Compare the pending rates of the groups that train with the planned ones."""
        if not self._pending:
            return
        groups, steps = self._schedule.groups, np.array(self._pending)
        actual = np.array(self._actual).reshape(len(steps), len(groups)).T
        planned = curves.rates_of_steps(self._schedule, steps, self._steps_per_epoch)
        errors = curves.relative_error(actual, planned)
        epochs, places = np.unique(steps // self._steps_per_epoch, return_inverse=True)
        trains = np.array(
            [[plan.trains_in(group, epoch) for epoch in epochs.tolist()] for group in groups]
        )
        self._max_error = float(errors.max(initial=self._max_error, where=trains[:, places]))
        self._forget()

    def _forget(self) -> None:
        self._pending, self._actual = array("q"), array("d")

    def _frozen_spans(self) -> Iterator[tuple[Group, plan.Span]]:
        for group in self._schedule.groups:
            for span in plan.frozen_spans(group, self._schedule.epochs):
                yield group, span

    def _hash(self, group: Group) -> str:
        """Return a hash of the group's parameters, and of its buffers unless they may move."""
        return _hash(self._layers[group.name], buffers=_buffers_hold_still(group))


def _hash(layers: Sequence[Layer], *, buffers: bool) -> str:
    digest = hashlib.sha256()
    tensors: list[Tensor] = list(parameters_of(layers))
    if buffers:
        for layer in layers:
            tensors += layer.buffers() if isinstance(layer, nn.Module) else ()
    for tensor in tensors:
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(content.numpy().tobytes())
    return digest.hexdigest()


def _buffers_hold_still(group: Group) -> bool:
    """Return whether the frozen group's buffers, such as BatchNorm's statistics, must not move."""
    return group.when_frozen == "eval" or group.batchnorm == "eval"
