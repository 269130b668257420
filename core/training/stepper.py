"""The backward pass and the optimizer step, with a scaler for float16 and clipped gradients."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from core.training.numerics import Arithmetic


class Stepper:
    """The steps of an optimizer: call `backward` once or more, then `step`.

    With float16 a scaler multiplies the loss, so that small gradients do not become 0. It skips a
    step whose gradients are infinite or NaN, and then takes a smaller factor.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        arithmetic: Arithmetic,
        clip_norm: float | None = None,
    ) -> None:
        self._optimizer = optimizer
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._clip_norm = clip_norm
        self.is_float16 = arithmetic.dtype == torch.float16
        self._scaler = GradScaler(arithmetic.device.type, enabled=self.is_float16)
        self._one = torch.ones((), device=arithmetic.device)
        self._skipped = torch.zeros((), device=arithmetic.device, dtype=torch.int32)
        # a skipped first step is reported as skipped, so torch need not warn of it
        cast(Any, optimizer)._opt_called = True

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss, times the scaler's factor, to those that there are."""
        torch.autograd.backward(self._scaler.scale(loss))

    def step(self) -> None:
        """Clip the gradients, and take the optimizer's step unless the scaler skips it."""
        if self._clip_norm is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        if not self.is_float16:
            self._optimizer.step()
            return
        before = self._scaler.scale(self._one)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        # the factor is halved after a skipped step only; this does not wait for the device
        self._skipped += 2 * self._scaler.scale(self._one) <= before

    def take_skipped(self) -> int:
        """Return how many steps were skipped since the last call, or since the session began."""
        skipped = int(self._skipped)
        self._skipped.zero_()
        return skipped

    def state_dict(self) -> dict[str, Any]:
        """Return the scaler's state as plain values; empty without one."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where `state_dict` was taken; raise ValueError if that was something else."""
        if _types(state) != _types(self.state_dict()):
            raise ValueError("the scaler's state is not whole")
        self._scaler.load_state_dict(state)


def _types(state: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in state.items()}
