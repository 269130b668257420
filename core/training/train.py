"""Training by a schedule: a generator of events, from loading the data to the audit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

from core.runs import events as ev
from core.training.device import detect, keep_freed_memory
from core.training.exact import deterministic, full_float32
from core.training.failures import as_run_errors
from core.training.job import Job
from core.training.run import Run


def train(job: Job) -> Iterator[ev.Event]:
    """Yield what happens while the job's schedule is run; the last is Finished or Stopped.

    It goes on from the newest good checkpoint, if there is one, as if it had never been
    interrupted. On the CPU an exact run then ends with the same bits; a fast one measures anew
    which frozen parts to store and fold. From the call on, the process keeps the memory that it
    frees, see `device.keep_freed_memory`.

    Raises InputError, before anything is trained, for settings that this machine cannot follow,
    data that cannot be used, and checkpoints of another schedule, other settings, data or
    libraries. Raises RunError for a loss that is not finite, for lack of memory, and for a device
    or a disk that fails.
    """
    settings, device = job.settings, detect(job.settings.device)
    keep_freed_memory()
    run = Run(job, device)
    products = full_float32(device) if settings.precision == "exact" else nullcontext()
    with deterministic(device), products, as_run_errors(settings, device, run.where):
        yield from run.events()
