"""Training by a schedule: a generator of events, from loading the data to the audit."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace

import torch

from core.cache_plan.planner import VALIDATION
from core.files import atomic
from core.freezing import apply_plan, count_trainable, detach
from core.runs import events as ev
from core.schedule.plan import phases, training_groups
from core.schedule.words import counted
from core.training import checkpoint, numerics, provenance
from core.training.cache.forward_path import ForwardPath, whole_model
from core.training.components import assemble
from core.training.data import Data, load_data
from core.training.device import detect_device, device_name, keep_freed_memory, peak_memory
from core.training.failures import training_errors_as_run_error
from core.training.job import Job
from core.training.loop import Loop, StopRequested
from core.training.nan_report import NotFiniteError
from core.training.numerics import Arithmetic, arithmetic_of, deterministic, full_float32

_FAST_RESUMED = (
    "--precision is fast, which chooses anew what to store, and so to fold, by times that it "
    "measures: the last bits may differ from here on"
)

_OTHER_PROCESSES = (
    "a run of {} processes goes on with {}: sums are added up in another order, and dropout draws "
    "other numbers, so the last bits differ from here on"
)


def train(job: Job) -> Iterator[ev.Event]:
    """Yield the events of a run of the job's schedule; the last is Finished or Stopped.

    It goes on from the newest good checkpoint, if there is one, as if it had never been
    interrupted. On the CPU an exact run then ends with the same bits; a fast one measures anew
    which frozen parts to store and fold. From the call on, the process keeps the memory that it
    frees, see `device.keep_freed_memory`.

    Raises InputError, before anything is trained, for settings that this machine cannot follow,
    data that cannot be used, and checkpoints of another schedule, other settings, data or
    libraries. Raises RunError for a loss that is not finite, for lack of memory, and for a device
    or a disk that fails.
    """
    settings, device = job.settings, job.ranks.device(detect_device(job.settings.device))
    keep_freed_memory()
    arithmetic = arithmetic_of(settings, device)
    session = _Session(job, arithmetic)
    products = nullcontext() if arithmetic.is_fast else full_float32(device)
    with (
        deterministic(device),
        products,
        training_errors_as_run_error(settings, device, session.where),
    ):
        yield from session.events()


class _Session:
    """One session of a job on a device."""

    def __init__(self, job: Job, arithmetic: Arithmetic) -> None:
        self._job = job
        self._schedule = job.schedule
        self._settings = job.settings
        self._ranks = job.ranks
        self._arithmetic = arithmetic
        self._device = arithmetic.device
        self._writer = checkpoint.CheckpointWriter(job.checkpoints) if job.checkpoints else None
        self._at_end = ExitStack()
        self._began = time.monotonic()
        self._seconds_before = 0.0
        self._epoch = 0
        self._training = False

    def events(self) -> Iterator[ev.Event]:
        """Yield the session's events; the last is Finished or Stopped."""
        stopped = False
        with self._writer or nullcontext(), self._at_end:
            try:
                yield from self._prepare()
                for epoch in range(self._epoch, self._schedule.epochs):
                    self._epoch = epoch
                    yield from self._run_epoch(epoch)
                yield from self._finish()
            except StopRequested:
                stopped = True
            except NotFiniteError as error:
                raise self._job.outputs.with_report(
                    error, self._epoch, self._data, self._components.layer_groups
                ) from error
        if stopped:
            yield ev.Stopped(self._epoch)

    def where(self) -> str:
        """Return how far the session has come, as in `in epoch 3`."""
        return f"{'in' if self._training else 'before'} epoch {self._epoch}"

    def _prepare(self) -> Iterator[ev.Event]:
        folder = self._job.checkpoints
        if folder:  # before the others go on, which have their temporary files there
            with atomic.disk_errors_as_run_error(folder):
                atomic.make_folder(folder)
        newest = checkpoint.newest(folder) if folder else checkpoint.NewestCheckpoint(None, ())
        saved = self._ranks.broadcast(newest.checkpoint)
        if saved is not None:
            provenance.check_documents(
                saved.provenance, saved.epoch, self._schedule, self._settings
            )
            if not self._job.other_libraries:
                provenance.check_libraries(saved.provenance, saved.epoch)
            self._epoch, self._seconds_before = saved.epoch, saved.seconds
        for name in newest.damaged:
            message = f"checkpoint {name} is damaged: continuing from epoch {self._epoch} instead"
            yield ev.Notice(message)
        for item in load_data(
            self._settings, self._schedule.epochs, self._job.scratch, self._ranks.local_size
        ):
            if isinstance(item, Data):
                self._data = item
            else:
                yield item
                self._check_stop()
        self._provenance = provenance.collect(
            self._schedule, self._settings, self._data, self._device, self._check_stop
        )
        if self._ranks.size > 1:
            own = provenance.of_process(self._provenance, self._arithmetic)
            provenance.check_alike(self._ranks.all_gather(own))
        if self._ranks.size != self._settings.processes:
            yield ev.Notice(_OTHER_PROCESSES.format(self._settings.processes, self._ranks.size))
        if saved is None:
            yield from self._missing_images()
        else:
            provenance.check_data(
                saved.provenance, saved.epoch, self._provenance, self._settings.data
            )
            warning = provenance.changed_arithmetic(saved.provenance, saved.epoch, self._provenance)
            if warning:
                yield ev.Notice(warning)
            if self._arithmetic.is_fast and self._settings.cache != "off":
                yield ev.Notice(_FAST_RESUMED)
        yield from map(ev.Notice, self._arithmetic.notices())
        self._assemble()
        if saved is not None:
            self._components.restore(saved)
        yield self._started()

    def _check_stop(self) -> None:
        if self._job.should_stop():
            raise StopRequested

    def _assemble(self) -> None:
        with self._ranks.one_first():  # so that the weights are downloaded once
            components = assemble(self._job, self._data, self._arithmetic)
        self._components = components
        self._at_end.callback(detach, components.model)
        self._loop = Loop(
            components.model,
            components.optimizer,
            components.stepper,
            components.scheduler,
            components.auditor,
            self._ranks,
            self._job.should_stop,
        )
        self._paths: dict[str, ForwardPath] = {}

    def _missing_images(self) -> Iterator[ev.Notice]:
        """Yield a notice for each split that has fewer images than the settings ask for."""
        settings, data = self._settings, self._data
        validation_samples, validation = settings.validation_samples, data.validation
        for flag, samples, split, kind in (
            ("--samples", settings.samples, data.train, "training"),
            ("--validation-samples", validation_samples, validation, "validation"),
        ):
            if len(split) < samples:
                has = f"the data has {len(split):,} {kind} images"
                yield ev.Notice(f"{flag} is {samples:,}, but {has}: the run uses all of them")

    def _started(self) -> ev.Started:
        return ev.Started(
            time=time.time(),
            device=self._device.type,
            device_name=device_name(self._device),
            steps_per_epoch=self._components.steps,
            train_images=len(self._data.train),
            validation_images=len(self._data.validation),
            classes=self._data.classes,
            parameters=sum(p.numel() for p in self._components.model.parameters()),
            majority_accuracy=self._data.majority_accuracy(),
            resumed_at=self._epoch,
            versions={"Python": platform.python_version(), **provenance.libraries()},
        )

    def _run_epoch(self, epoch: int) -> Iterator[ev.Event]:
        began, components = time.monotonic(), self._components
        self._training = True
        components.model.train()
        apply_plan(components.layer_groups, self._schedule, epoch)
        components.auditor.epoch_begins(epoch)
        if any(phase.start == epoch for phase in phases(self._schedule)):
            self._paths.clear()
        path = yield from self._path("train", components.cache.training_path, epoch)
        # afresh in each epoch, as a resume does: the order of its sums changes after the first step
        path = replace(path, network=self._ranks.wrap(path.network, self._device))
        if self._ranks.rank > 0:  # the first goes on with the numbers of its checkpoint
            torch.manual_seed(self._settings.seed + self._ranks.rank * 100_003 + epoch)
        training = time.monotonic()
        data = self._data
        batches = components.shards.training(
            data.train, self._settings.seed, epoch, self._schedule.epochs
        )
        trained = yield from self._loop.train_epoch(epoch, path, data.train, batches)
        training_seconds = time.monotonic() - training
        if skipped := components.stepper.take_skipped():
            yield ev.Notice(
                f"in epoch {epoch} the scaler skipped {counted(skipped, 'step')}, since gradients "
                "were infinite in float16: no weight changed, and the schedule went on"
            )
        components.auditor.epoch_ended(epoch)
        self._check_processes(epoch)
        trainable = count_trainable(components.model)
        path = yield from self._path("validation", components.cache.validation_path, epoch)
        evaluation = yield from self._loop.evaluate(
            epoch, path, data.validation, components.shards.in_order(len(data.validation))
        )
        yield ev.EpochDone(
            epoch=epoch,
            open=training_groups(self._schedule, epoch),
            trainable_parameters=trainable,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            validation_loss=evaluation.totals.loss,
            validation_accuracy=evaluation.totals.accuracy,
            seconds=time.monotonic() - began,
            images_per_second=trained.images / max(training_seconds, 1e-9),
            peak_memory=sum(self._ranks.all_gather(peak_memory(self._device))),
        )
        if epoch == self._schedule.epochs - 1:  # before its checkpoint, which ends the epoch
            yield from self._job.outputs.save_predictions(evaluation, data)
        if self._writer is not None:
            self._writer.wait()  # the folder may be gone once the caller has had the next event
            yield ev.Progress("checkpoint", epoch + 1, self._schedule.epochs)
            self._writer.save(components.snapshot(epoch + 1, self._seconds(), self._provenance))

    def _check_processes(self, epoch: int) -> None:
        """Count what all processes' audits have found; raise RunError if their weights differ.

        BatchNorm's statistics, of which each process has its own, are then those of the first.
        """
        if self._ranks.size == 1:
            return
        self._ranks.copy_buffers(self._components.model)
        self._components.auditor.compare(self._ranks, epoch)

    def _path(
        self, split: str, choose: Callable[[int], Iterator[ev.Event | ForwardPath]], epoch: int
    ) -> Generator[ev.Event, None, ForwardPath]:
        """Return the split's path in the epoch's phase, chosen once per phase and session."""
        if split not in self._paths:
            for item in choose(epoch):
                if isinstance(item, ForwardPath):
                    self._paths[split] = item
                else:
                    self._loop.check_stop()
                    yield item
        return self._paths[split]

    def _finish(self) -> Iterator[ev.Event]:
        yield ev.Progress("auditing")
        self._job.outputs.save_weights(self._components.model)
        if self._writer is not None:
            self._writer.wait()
        error = self._precision_error() if self._arithmetic.is_reduced else None
        yield replace(self._components.auditor.result(), precision_error=error)
        yield ev.Finished(self._seconds())

    @torch.no_grad()
    def _precision_error(self) -> float:
        """Return how far the first validation batch's logits are from those of full float32."""
        components = self._components
        entries = components.shards.in_order(len(self._data.validation))[0]
        components.model.eval()
        fast = self._paths.get("validation", components.cache.plain(VALIDATION)).logits(entries)
        components.model.to(memory_format=torch.contiguous_format)
        with full_float32(self._device):
            exact = whole_model(components.network, self._data.validation, self._device).logits(
                entries
            )
        return max(self._ranks.all_gather(numerics.precision_error(fast, exact)))

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._began
