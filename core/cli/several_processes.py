"""A run in several processes: the first one trains in the run's folder, the others follow."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from core.errors import InputError, RunError, ThawError
from core.runs.processes.lifeline import LifelineClient, LifelineServer
from core.runs.processes.torchrun import Place
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from core.training.distributed import Ranks, process_group
from core.training.job import Job
from core.training.train import train

_TOLD_SECONDS = 3.0
"""How long a process that fails waits for the first one, which may wait for it, to say so."""


@contextmanager
def leading(
    job: Job, place: Place | None, stop: Callable[[], None], fail: Callable[[RunError], None]
) -> Iterator[Job]:
    """Give the job as the first process runs it, and share it with the others for the block.

    In a run of one process, without a place, that is the job itself. For `stop` and `fail` see
    `LifelineServer`.
    """
    if place is None:
        yield job
        return
    with process_group() as store:
        lifelines = LifelineServer(place, store, stop, fail)

        def should_stop() -> bool:
            lifelines.check()
            return job.should_stop()

        ranks = _ranks(place)
        shared = _Shared(job.schedule, job.settings, job.other_libraries, sys.argv[1:])
        try:
            ranks.broadcast(shared)
            yield replace(job, ranks=ranks, should_stop=should_stop)
        except KeyboardInterrupt:  # torchrun ends all processes if one fails
            lifelines.check()
            raise
        except (RuntimeError, RunError) as error:
            if isinstance(error, RuntimeError) or isinstance(error.__cause__, RuntimeError):
                lifelines.explain()  # what is exchanged breaks off where a process has ended
            raise
        finally:
            lifelines.close()


def follow(place: Place) -> None:
    """Train as the first process says until it ends, and this one with it."""
    with process_group() as store:
        lifeline = LifelineClient(place, store)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: lifeline.tell_stop())
        ranks = _ranks(place)
        try:
            shared = ranks.broadcast(None)
            assert shared is not None
            if shared.command_line != sys.argv[1:]:
                way_out = "start all processes with the same options"
                raise InputError("the command line", "is not that of process 0", way_out)
            job = Job(
                shared.schedule,
                shared.settings,
                None,
                other_libraries=shared.other_libraries,
                ranks=ranks,
            )
            for _ in train(job):
                pass
        except ThawError as error:
            lifeline.tell_error(error)
            lifeline.wait_for_end(_TOLD_SECONDS)  # it may be about to raise the same error itself
            os._exit(error.exit_code)  # the first process prints it
        except RuntimeError:  # what is exchanged breaks off where a process has ended
            lifeline.wait_for_end(_TOLD_SECONDS)
            raise
        lifeline.wait_for_end()


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the first process gives to the others."""

    schedule: Schedule
    settings: RunSettings
    other_libraries: bool
    command_line: list[str]


def _ranks(place: Place) -> Ranks:
    return Ranks(place.rank, place.size, place.local_rank, place.local_size)
