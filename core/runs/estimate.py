"""The time, memory and disk of a run before it begins, by the cost model and an earlier run here.

The cost model knows how the work of two runs compares, an earlier run how fast this machine is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from core.cache_plan.dependence import Dependence
from core.cache_plan.planner import CacheBudget
from core.cache_plan.savings import DataSize, planned_epochs
from core.data.bundled import BUNDLED_DATA
from core.errors import InputError
from core.files import atomic, usage
from core.files.small_files import read_start
from core.models import table_cache
from core.models.costs import costs, without_rates
from core.models.layer_table import LayerTable, for_classes
from core.runs import events as ev
from core.runs import run_folder
from core.runs.checkpoint_files import KEPT
from core.runs.description import documents
from core.runs.results import run_results
from core.runs.settings import VIEWS, RunSettings, planned_steps
from core.runs.status import LIVE
from core.schedule.plan import phases
from core.schedule.spec import Schedule

ESTIMATE = "estimate.json"

Basis = Literal["none", "other model", "other settings", "same model", "same run"]
"""The kind of the nearest earlier run: of another model; of the model at another size, or with
other settings that change its speed; of the model with such settings; or the same but for rates."""

_NEARNESS: tuple[Basis, ...] = ("other model", "other settings", "same model", "same run")
_SPEED = (
    "image_size",
    "batch_size",
    "precision",
    "autocast",
    "memory_format",
    "processes",
    "accumulate",
)
"""Settings that change how long a FLOP takes."""
_LOOKED_AT = 30
"""Runs, the newest, of which the nearest is taken."""
PROCESS_BYTES = 900_000_000
"""The bytes of a process on a CPU beside all that is modelled: Python, torch, what glibc keeps.

Measured on Linux with torch 2; on a GPU only tensors count.
"""
_FLOAT = 4
_STEP_BYTES, _RATE_BYTES = 60, 40
"""Bytes in the events of a step, and of each group's rate in it."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of a run: `data` are its images; `budget` is for the cache, and 0 if that is off."""

    schedule: Schedule
    table: LayerTable
    settings: RunSettings
    data: DataSize
    budget: CacheBudget


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """An earlier run with the seconds of its epochs, and the most bytes that it held.

    `seconds` (of all of it) and `disk` (what it has left) are None unless it has finished.
    """

    run: str
    work: Workload
    epochs: tuple[float, ...]
    memory: int
    seconds: float | None = None
    disk: int | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """The seconds of a run, and the bytes of memory and disk that it takes.

    `seconds` is None where nothing comparable has run here. `disk` is what a finished run leaves,
    `most_disk` what it takes at any moment. `run` is the id of the run that they rest on, empty if
    the `basis` is none.
    """

    seconds: ev.Amount | None
    memory: ev.Count
    disk: ev.Count
    most_disk: ev.Count
    basis: Basis
    run: str = ""


_JSON: TypeAdapter[Estimate] = TypeAdapter(Estimate)


def estimate(
    work: Workload, earlier: Iterable[MeasuredRun], process_bytes: int = PROCESS_BYTES
) -> Estimate:
    """Return the estimate of a run, by the nearest of some earlier runs of this device.

    Of equally near ones a finished one counts more, and then the first. Its epochs are scaled by
    modelled costs, and the rest of its time is taken as it was. So a run that is the same but for
    its rates gives its own figures. Without an earlier run, `process_bytes` are added to the memory
    that is modelled for each process.
    """
    now, processes = _modelled(work), work.settings.processes
    modelled = now.memory(work.schedule.epochs)
    near = [(each, basis) for each in earlier if (basis := _nearness(work, each.work))]
    if not near:
        memory = processes * (modelled + process_bytes)
        return Estimate(None, memory, now.disk, now.most_disk, "none")
    nearest, basis = max(near, key=lambda it: (_NEARNESS.index(it[1]), it[0].seconds is not None))
    then, done, took = _modelled(nearest.work), len(nearest.epochs), sum(nearest.epochs)
    rest = 0.0 if nearest.seconds is None else max(0.0, nearest.seconds - took)
    memory = nearest.memory // nearest.work.settings.processes
    disk = now.disk if nearest.disk is None else _moved(nearest.disk, then.disk, now.disk)
    return Estimate(
        sum(now.epochs) / sum(then.epochs[:done]) * took + rest,
        processes * _moved(memory, then.memory(done), modelled),
        disk,
        disk + now.most_disk - now.disk,
        basis,
        nearest.run,
    )


def measured_runs(
    runs: Iterable[Path],
    device: tuple[str, str],
    budget_of: Callable[[RunSettings], CacheBudget],
) -> Iterator[MeasuredRun]:
    """Yield what the newest of these runs took that have ended, on a device of that type and name.

    An empty type or name stands for any.
    """
    for run in list(runs)[:_LOOKED_AT]:
        with suppress(InputError, OSError):  # a damaged one, or one that is gone by now
            found = _measured(run, device, budget_of)
            if found is not None:
                yield found


def _measured(
    run: Path, device: tuple[str, str], budget_of: Callable[[RunSettings], CacheBudget]
) -> MeasuredRun | None:
    schedule, settings = documents(run)
    table = table_cache.find(schedule.model.name, table_cache.cache_folder())
    results = run_results(run)
    started = results.started
    if table is None or started is None or not results.epochs or results.status in LIVE:
        return None
    on = (started.device, started.device_name)
    if any(wanted not in ("", its) for wanted, its in zip(device, on, strict=True)):
        return None
    end = run_folder.read_summary(run) if results.status == "finished" else None
    work = Workload(
        schedule,
        for_classes(table, len(started.classes)),
        settings,
        data_size(settings, started.train_images, started.validation_images),
        budget_of(settings),
    )
    return MeasuredRun(
        run.name,
        work,
        tuple(epoch.seconds for epoch in results.epochs),
        results.peak_memory or 0,
        end.seconds if end else None,
        usage.disk_use(run) if end else None,
    )


def data_size(settings: RunSettings, train_images: int, validation_images: int) -> DataSize:
    """Return the size of an epoch's data."""
    views = VIEWS[settings.augment]
    side, batch = settings.image_size, settings.batch_size
    return DataSize(side, train_images, validation_images, batch, views)


def read(folder: Path) -> Estimate | None:
    """Return the estimate with which a run was begun; None if there is none that is valid."""
    try:
        return _JSON.validate_json(read_start(folder / ESTIMATE))
    except (OSError, ValidationError):
        return None


def write(folder: Path, found: Estimate | None) -> None:
    """Write the estimate of a run into its folder, if there is one and the disk takes it."""
    if found is not None:
        with suppress(OSError):  # the run goes on without it
            atomic.write_durably(folder / ESTIMATE, _JSON.dump_json(found, indent=2) + b"\n")


@dataclass(frozen=True, slots=True)
class _Modelled:
    """The modelled costs of a run by epoch, and its bytes.

    `peaks` are a process's bytes of memory by phase, with the epoch at which each begins.
    """

    epochs: tuple[float, ...]
    peaks: tuple[tuple[int, int], ...]
    disk: int
    most_disk: int

    def memory(self, done: int) -> int:
        """Return the most bytes of a process's memory in so many first epochs."""
        return max(peak for start, peak in self.peaks if start < max(1, done))


def _modelled(work: Workload) -> _Modelled:
    """Return what the cost model says of a run, which does not depend on its rates."""
    return _modelled_bare(replace(work, schedule=without_rates(work.schedule)))


@lru_cache(maxsize=64)
def _modelled_bare(work: Workload) -> _Modelled:
    settings, data = work.settings, work.data
    planned = planned_epochs(work.table, work.schedule, data, work.budget)
    found = costs(work.table, work.schedule, data.image_size)
    weights = _FLOAT * work.table.parameters
    stored = planned.memory // settings.processes  # each keeps those of its own images
    images = 3 * data.image_size**2 * (data.train_images + data.validation_images)
    held = 0 if settings.decode == "stream" and settings.data != BUNDLED_DATA else images
    dependence = Dependence(work.table, work.schedule)
    peaks = []
    for phase, part in zip(phases(work.schedule), found.phases, strict=True):
        fixed = dependence.fixed(phase.training, training=True)
        elements = sum(
            node.elements_at(data.image_size)
            for at, node in enumerate(work.table.nodes)
            if at not in fixed and node.flops  # others are views
        )
        activations = _FLOAT * elements * (settings.batch_size // settings.micro_batches)
        peaks.append((phase.start, weights + part.memory + activations + stored + held))
    checkpoint = weights + max(part.state for part in found.phases)
    steps = planned_steps(settings, data.train_images) * work.schedule.epochs
    events = steps * (_STEP_BYTES + _RATE_BYTES * len(work.schedule.groups))
    left = checkpoint + weights + events
    most = (KEPT + 1) * checkpoint + weights + events + planned.disk
    return _Modelled(planned.costs, tuple(peaks), left, most)


def _nearness(work: Workload, earlier: Workload) -> Basis | None:
    """Return what an earlier run was beside this one; None where they cannot be compared."""
    if work.table.model != earlier.table.model:
        return "other model" if work.table.nodes and earlier.table.nodes else None
    now, then = work.settings, earlier.settings
    if any(getattr(now, name) != getattr(then, name) for name in _SPEED):
        return "other settings"
    alike = without_rates(work.schedule) == without_rates(earlier.schedule)
    same = now == then.model_copy(update={"seed": now.seed}) and work.data == earlier.data
    return "same run" if alike and same else "same model"


def _moved(measured: int, then: int, now: int) -> int:
    """Return measured bytes, moved from what is modelled for that run to what is for this one.

    What was measured beyond the model stays; if it was less than the model, the model is scaled.
    """
    return measured - then + now if measured >= then else round(measured * now / max(1, then))
