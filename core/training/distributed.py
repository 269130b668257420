"""The processes of a run: what they exchange by torch.distributed, and DistributedDataParallel."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed import distributed_c10d
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from core.errors import InputError, SettingsError

T = TypeVar("T")

_RENDEZVOUS = timedelta(seconds=120)
"""How long processes wait for each other at the start."""
_CHECK_EVERY = 0.1
"""Seconds between two looks whether they have come."""
_HERE = "thaw/here/"
_COLLECTIVE = timedelta(hours=12)
"""How long one waits for the others later: the end of a process is noticed in another way."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a run: the rank of this one, and how many there are; both also locally.

    The first, of rank 0, is the one that reads and writes the run's folder.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    def device(self, device: torch.device) -> torch.device:
        """Return the device of this process where the machine's is `device`: a GPU for each.

        Raises SettingsError if they are too few, or cannot exchange tensors.
        """
        if self.size == 1 or device.type == "cpu":
            return device
        if device.type != "cuda":
            wrong = f"is {device.type}, which several processes cannot use"
            raise SettingsError("--device", wrong, "use --device cpu, or one process")
        if not dist.is_nccl_available():
            wrong = "is cuda, but this torch has no NCCL, by which several processes use GPUs"
            raise SettingsError("--device", wrong, "use --device cpu, or one process")
        if (gpus := torch.cuda.device_count()) < self.local_size:
            wrong = f"is cuda, but this machine has {gpus} GPUs for {self.local_size} processes"
            raise SettingsError("--device", wrong, "start fewer, or use --device cpu")
        torch.cuda.set_device(self.local_rank)
        return torch.device("cuda", self.local_rank)

    def all_gather(self, value: T) -> list[T]:
        """Return the values of all processes, by rank."""
        values: list[Any] = [value] * self.size
        if self.size > 1:
            dist.all_gather_object(values, value)
        return values

    def broadcast(self, value: T) -> T:
        """Return the value of the first process."""
        values: list[Any] = [value]
        if self.size > 1:
            dist.broadcast_object_list(values)
        first: T = values[0]
        return first

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """Let one process of each machine do the block before its others: what it downloads."""
        if self.local_rank > 0:
            self.all_gather(None)
        yield
        if self.local_rank == 0:
            self.all_gather(None)

    def all_reduce(self, tensor: Tensor) -> Tensor:
        """Return the sum of the tensors of several processes, in the place of this one's."""
        dist.all_reduce(tensor)
        return tensor

    @torch.no_grad()
    def copy_buffers(self, model: nn.Module) -> None:
        """Give a model of several processes the first one's buffers, as BatchNorm's statistics."""
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Return the network, wrapped so that its gradients are averaged over the processes.

        Wrap it afresh whenever a group thaws or freezes: DistributedDataParallel exchanges only
        those gradients that its parameters had when it was constructed.
        """
        if self.size == 1:
            return network
        devices = [device] if device.type == "cuda" else None
        with warnings.catch_warnings():  # torch 2.14 has another name for it, which 2.9 lacks
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(
                network, devices, broadcast_buffers=False, gradient_as_bucket_view=True
            )


def without_exchange(network: nn.Module) -> AbstractContextManager[None]:
    """Return a context in which gradients are accumulated and not exchanged."""
    if isinstance(network, DistributedDataParallel):
        return network.no_sync()
    return nullcontext()


def join_process_group() -> Any:
    """Join the processes that torchrun's environment variables describe, and return their store.

    They exchange tensors of a GPU by NCCL and all else by gloo. Raises InputError if they do not
    find each other.
    """
    nccl = torch.cuda.is_available() and dist.is_nccl_available()
    backend = "cpu:gloo,cuda:nccl" if nccl else "gloo"
    try:
        store, rank, size = next(rendezvous("env://", timeout=_RENDEZVOUS))
        _wait_for_all(store, rank, size)
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=size, timeout=_RENDEZVOUS
        )
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        wrong = f"has not brought the processes of the run together ({reason})"
        way_out = "check it, --master-port and the network; on several machines, set "
        way_out += "GLOO_SOCKET_IFNAME to the name of the network interface between them"
        raise InputError("--master-addr", wrong, way_out) from error
    _set_timeout(_COLLECTIVE)
    return store


def _wait_for_all(store: Any, rank: int, size: int) -> None:
    """Wait until all processes have come, in Python, so that a signal can end it."""
    store.set(f"{_HERE}{rank}", "")
    latest = time.monotonic() + _RENDEZVOUS.total_seconds()
    while missing := [each for each in range(size) if not store.check([f"{_HERE}{each}"])]:
        if time.monotonic() > latest:
            raise RuntimeError(f"processes {missing} have not come within {_RENDEZVOUS}")
        time.sleep(_CHECK_EVERY)


def _set_timeout(timeout: timedelta) -> None:
    newer = getattr(dist, "set_timeout", None)  # torch 2.9 has it under a private name
    (newer or cast(Any, distributed_c10d)._set_pg_timeout)(timeout)
