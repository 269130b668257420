"""A run in several processes: the first one trains in the run's folder, the others follow."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from core.errors import InputError, RunError, ThawError
from core.runs.processes.lifeline import LifelineClient, LifelineServer
from core.runs.processes.torchrun import Place
from core.training.distributed import Ranks, join_process_group
from core.training.job import Job, never
from core.training.output_files import OutputFiles
from core.training.train import train

_TOLD_SECONDS = 1.0
"""Seconds that a process which fails waits for the first one, which may wait for it, to say so: not
until `RunSession.fail_soon` ends that one, which could not say it as well."""


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
    lifelines = LifelineServer(place, join_process_group(), stop, fail)

    def should_stop() -> bool:
        lifelines.check()
        return job.should_stop()

    ranks = _ranks(place)
    shared = replace(
        job,
        checkpoints=None,
        should_stop=never,
        outputs=OutputFiles(),
        shared_scratch=job.scratch.absolute(),
    )
    try:
        lifelines.wait_for_all()
        ranks.broadcast((shared, sys.argv[1:]))
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
    lifeline = LifelineClient(place, join_process_group())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: lifeline.tell_stop())
    ranks = _ranks(place)
    try:
        shared = ranks.broadcast(None)
        assert shared is not None
        job, command_line = shared
        if command_line != sys.argv[1:]:
            way_out = "start all processes with the same options"
            raise InputError("the command line", "is not that of process 0", way_out)
        for _ in train(replace(job, ranks=ranks)):
            pass
    except ThawError as error:
        lifeline.tell_error(error)
        lifeline.wait_for_end(_TOLD_SECONDS)  # it may be about to raise the same error itself
        os._exit(error.exit_code)  # the first process prints it
    except RuntimeError:  # what is exchanged breaks off where a process has ended
        lifeline.wait_for_end(_TOLD_SECONDS)
        raise
    lifeline.wait_for_end()


def _ranks(place: Place) -> Ranks:
    return Ranks(place.rank, place.size, place.local_rank, place.local_size)
