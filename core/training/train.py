"""Training by a schedule: a generator of events, from loading the data to the audit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

from core.runs import events as ev
from core.training.allocator import keep_freed_memory
from core.training.device import detect
from core.training.exact import all_of_float32, exact
from core.training.failures import in_words
from core.training.job import Job
from core.training.run import Run


def train(job: Job) -> Iterator[ev.Event]:
    """Yield what happens while the job's schedule is run; the last is Finished or Stopped.

    Goes on from the newest good checkpoint, where there is one, as if it had never been
    interrupted: on the CPU with the same bits, if it is exact; a fast one measures anew what to
    store, and folds only that. From now on the process keeps the memory that it frees, see
    `core.training.allocator`.

    Raises InputError before anything is trained for settings that this machine cannot follow, data
    that cannot be used, and checkpoints of another schedule, other settings, data or libraries;
    RunError for a loss that is not finite, for lack of memory, and for a device or a disk that
    refuses.
    """
    settings, device = job.settings, detect(job.settings.device)
    keep_freed_memory()
    run = Run(job, device)
    bits = all_of_float32(device) if settings.precision == "exact" else nullcontext()
    with exact(device), bits, in_words(settings, device, run.where):
        yield from run.events()
