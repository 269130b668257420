"""Training by a schedule: a generator of events, from loading the data to the audit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

from core.runs import events as ev
from core.runs.refuse import refuse_errors
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from core.training.allocator import keep_freed_memory
from core.training.cache.measure import measure
from core.training.cache.profile import Measure
from core.training.components import Build
from core.training.device import detect
from core.training.exact import all_of_float32, exact
from core.training.failures import in_words
from core.training.models import pretrained
from core.training.outputs import Ends
from core.training.run import Run


def never() -> bool:
    """Return a `should_stop` that never asks to stop."""
    return False


def train(
    schedule: Schedule,
    settings: RunSettings,
    *,
    checkpoints: Path,
    should_stop: Callable[[], bool] = never,
    weights: Path | None = None,
    predicted: Path | None = None,
    evidence: Path | None = None,
    other_libraries: bool = False,
) -> Iterator[ev.Event]:
    """Fine-tune by the schedule and yield what happens; the last event is Finished or Stopped.

    Goes on from the newest good checkpoint in `checkpoints`, where there is one, as if it had never
    been interrupted: on the CPU with the same bits, if it is exact; a fast one measures anew what
    to store, and folds only that. `should_stop` is asked before every batch.
    `weights` is where the final weights are written, as safetensors, and `predicted` what the last
    evaluation said of each image, see `core.runs.predictions`; `evidence`, where what led to a loss
    that is not finite, see `core.training.nan_report`. With `other_libraries` it goes on although
    those have changed, which may change the last bits. From now on the process keeps the memory
    that it frees, see `core.training.allocator`.

    Raises InputError before anything is trained for a schedule with errors, settings that this
    machine cannot follow, data that cannot be used, and checkpoints of another schedule, other
    settings, data or libraries; RunError for a loss that is not finite, for lack of memory, and for
    a device or a disk that refuses.
    """
    refuse_errors(schedule)
    yield from fit(
        pretrained,
        schedule,
        settings,
        checkpoints=checkpoints,
        should_stop=should_stop,
        weights=weights,
        predicted=predicted,
        evidence=evidence,
        other_libraries=other_libraries,
    )


def fit(
    build: Build,
    schedule: Schedule,
    settings: RunSettings,
    *,
    checkpoints: Path,
    should_stop: Callable[[], bool] = never,
    weights: Path | None = None,
    predicted: Path | None = None,
    evidence: Path | None = None,
    other_libraries: bool = False,
    take: Measure = measure,
) -> Iterator[ev.Event]:
    """As `train`, for a network of one's own.

    `build` makes it, and the schedule's groups name its parts; what is wrong with the schedule
    beyond its structure is not looked for. `take` measures what the network's nodes cost.
    """
    device = detect(settings.device)
    keep_freed_memory()
    ends = Ends(weights, predicted, evidence)
    run = Run(
        build, schedule, settings, device, checkpoints, should_stop, ends, other_libraries, take
    )
    bits = all_of_float32(device) if settings.precision == "exact" else nullcontext()
    with exact(device), bits, in_words(settings, device, run.where):
        yield from run.events()
