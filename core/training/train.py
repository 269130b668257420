"""Training by a schedule: a generator of events, from loading the data to the audit."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from core.design.batches import steps_per_epoch
from core.design.plan import open_groups, phases
from core.design.spec import ModelRef, Schedule
from core.errors import InputError, RunError
from core.files import disk
from core.freezing import apply_plan, count_trainable
from core.grouping import group_paths, resolve_groups
from core.optimizer import build_optimizer
from core.runs import events as ev
from core.runs import predictions
from core.runs.refuse import refuse_errors
from core.runs.settings import RunSettings
from core.scheduler import ScheduleLR
from core.training import checkpoint, precision
from core.training import origin as origins
from core.training.allocator import keep_freed_memory
from core.training.audit import Auditor
from core.training.cache import FrozenCache
from core.training.data import Data, epoch_entries, load
from core.training.device import (
    describe,
    detect,
    peak_memory,
    random_state,
    set_random_state,
)
from core.training.evidence import NotFiniteError, keep
from core.training.exact import exact
from core.training.failures import in_words
from core.training.loop import Judged, Loop, StopRequested
from core.training.measure import measure
from core.training.models import Network, pretrained
from core.training.route import Route, whole
from core.training.survey import VALIDATION, Measure

Build = Callable[[ModelRef, int, int | None], Network]
"""Makes a network from what the schedule names, for a number of classes and an image size."""


def never() -> bool:
    """A `should_stop` that never asks to stop."""
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
    been interrupted: on the CPU with the same bits. `should_stop` is asked before every batch.
    `weights` is where the final weights are written, as safetensors, and `predicted` what the last
    evaluation said of each image, see `core.runs.predictions`; `evidence`, where what led to a loss
    that is not finite, see `core.training.evidence`. With `other_libraries` it goes on although
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
    ends = _Ends(weights, predicted, evidence)
    run = _Run(
        build, schedule, settings, device, checkpoints, should_stop, ends, other_libraries, take
    )
    with exact(device), in_words(settings, device, run.where):
        yield from run.events()


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where the final weights, the last evaluation's predictions, and evidence are written."""

    weights: Path | None
    predicted: Path | None
    evidence: Path | None


class _Run:
    """One sitting of a run: what is made once, and the steps from the first event to the last."""

    def __init__(
        self,
        build: Build,
        schedule: Schedule,
        settings: RunSettings,
        device: torch.device,
        checkpoints: Path,
        should_stop: Callable[[], bool],
        ends: _Ends,
        other_libraries: bool,
        take: Measure,
    ) -> None:
        self._schedule = schedule
        self._settings = settings
        self._device = device
        self._checkpoints = checkpoints
        self._should_stop = should_stop
        self._ends = ends
        self._other_libraries = other_libraries
        self._build_network = build
        self._take = take
        self._writer = checkpoint.Writer(checkpoints)
        self._began = time.monotonic()
        self._seconds_before = 0.0
        self._epoch = 0
        self._training = False

    def events(self) -> Iterator[ev.Event]:
        stopped = False
        with self._writer:
            try:
                yield from self._prepare()
                for epoch in range(self._epoch, self._schedule.epochs):
                    self._epoch = epoch
                    yield from self._run_epoch(epoch)
                yield from self._finish()
            except StopRequested:
                stopped = True
            except NotFiniteError as error:
                raise self._with_evidence(error) from error
        if stopped:
            yield ev.Stopped(self._epoch)

    def where(self) -> str:
        """How far the sitting has come, as in `in epoch 3`."""
        return f"{'in' if self._training else 'before'} epoch {self._epoch}"

    def _with_evidence(self, error: NotFiniteError) -> RunError:
        path = self._ends.evidence
        if path is None:
            return error
        return keep(path, error, self._epoch, self._data, self._layer_groups)

    def _prepare(self) -> Iterator[ev.Event]:
        found = checkpoint.newest(self._checkpoints)
        saved = found.checkpoint
        if saved is not None:
            origins.check_documents(saved.origin, saved.epoch, self._schedule, self._settings)
            if not self._other_libraries:
                origins.check_libraries(saved.origin, saved.epoch)
            self._epoch, self._seconds_before = saved.epoch, saved.seconds
        for name in found.damaged:
            message = f"checkpoint {name} is damaged: going on from epoch {self._epoch} instead"
            yield ev.Notice(message)
        with disk.told(self._checkpoints):
            disk.make_folder(self._checkpoints)
        for item in load(self._settings, self._schedule.epochs, self._checkpoints):
            if isinstance(item, Data):
                self._data = item
            else:
                yield item
                self._check_stop()
        self._origin = origins.origin(
            self._schedule, self._settings, self._data, self._device, self._check_stop
        )
        if saved is None:
            yield from self._fewer_images()
        else:
            origins.check_data(saved.origin, saved.epoch, self._origin, self._settings.data)
            other = origins.other_arithmetic(saved.origin, saved.epoch, self._origin)
            if other:
                yield ev.Notice(other)
        self._build()
        if saved is not None:
            self._restore(saved)
        yield self._started()

    def _check_stop(self) -> None:
        if self._should_stop():
            raise StopRequested

    def _build(self) -> None:
        schedule, settings, data = self._schedule, self._settings, self._data
        torch.manual_seed(settings.seed)
        network = self._build_network(schedule.model, len(data.classes), settings.image_size)
        self._network = network
        self._model = network.model.to(self._device)
        if settings.precision == "fast":
            self._model.to(memory_format=torch.channels_last)
        self._layer_groups = resolve_groups(self._model, group_paths(schedule))
        self._optimizer = build_optimizer(schedule, self._layer_groups)
        if settings.precision == "fast":
            precision.one_sweep(self._optimizer)
        self._steps = steps_per_epoch(len(data.train), settings.batch_size)
        self._scheduler = ScheduleLR(self._optimizer, schedule, self._steps)
        self._auditor = Auditor(schedule, self._layer_groups, self._steps)
        self._cache = FrozenCache(
            network,
            self._layer_groups,
            schedule,
            data,
            settings,
            self._device,
            self._checkpoints,
            self._take,
        )
        self._loop = Loop(
            self._model,
            self._optimizer,
            self._scheduler,
            self._auditor,
            settings.batch_size,
            self._should_stop,
        )
        self._routes: dict[str, Route] = {}

    def _fewer_images(self) -> Iterator[ev.Notice]:
        """Where the data has fewer images than asked for."""
        settings, data = self._settings, self._data
        for flag, wanted, found, kind in (
            ("--samples", settings.samples, len(data.train), "training"),
            (
                "--validation-samples",
                settings.validation_samples,
                len(data.validation),
                "validation",
            ),
        ):
            if found < wanted:
                there = f"the data has {found:,} {kind} images"
                yield ev.Notice(f"{flag} is {wanted:,}, but {there}: the run uses all of them")

    def _started(self) -> ev.Started:
        return ev.Started(
            time=time.time(),
            device=self._device.type,
            device_name=describe(self._device),
            steps_per_epoch=self._steps,
            train_images=len(self._data.train),
            validation_images=len(self._data.validation),
            classes=self._data.classes,
            parameters=sum(p.numel() for p in self._model.parameters()),
            majority_accuracy=self._data.majority_accuracy(),
            resumed_at=self._epoch,
        )

    def _run_epoch(self, epoch: int) -> Iterator[ev.Event]:
        began = time.monotonic()
        self._training = True
        self._model.train()
        apply_plan(self._layer_groups, self._schedule, epoch)
        self._auditor.epoch_begins(epoch)
        if any(phase.start == epoch for phase in phases(self._schedule)):
            self._routes.clear()
        route = yield from self._route("train", self._cache.train_route, epoch)
        training = time.monotonic()
        data = self._data
        entries = epoch_entries(data.train, self._settings.seed, epoch, self._schedule.epochs)
        trained = yield from self._loop.train_epoch(
            epoch, route, entries, data.train.truth(entries)
        )
        trained_in = time.monotonic() - training
        self._auditor.epoch_ended(epoch)
        trainable = count_trainable(self._model)
        route = yield from self._route("validation", self._cache.validation_route, epoch)
        judged = yield from self._loop.evaluate(epoch, route, data.validation.labels)
        yield ev.EpochDone(
            epoch=epoch,
            open=open_groups(self._schedule, epoch),
            trainable_parameters=trainable,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            validation_loss=judged.totals.loss,
            validation_accuracy=judged.totals.accuracy,
            seconds=time.monotonic() - began,
            images_per_second=trained.images / max(trained_in, 1e-9),
            peak_memory=peak_memory(self._device),
        )
        if epoch == self._schedule.epochs - 1:  # before its checkpoint, which ends the epoch
            yield from self._keep_predictions(judged)
        yield ev.Progress("checkpoint", epoch + 1, self._schedule.epochs)
        self._writer.save(self._snapshot(epoch + 1))

    def _keep_predictions(self, judged: Judged) -> Iterator[ev.Notice]:
        """Write what was said of the validation images; a disk that refuses ends no run."""
        path, data = self._ends.predicted, self._data
        if path is None:
            return
        if len(data.validation) > predictions.MOST:
            yield ev.Notice(f"mistakes are not kept of more than {predictions.MOST:,} images")
            return
        if len(data.classes) > predictions.MOST_CLASSES:
            most = f"{predictions.MOST_CLASSES:,}"
            yield ev.Notice(f"mistakes are not kept of more than {most} classes")
            return
        said = predictions.Predictions(
            classes=data.classes,
            images=data.names or tuple(map(str, range(len(data.validation)))),
            true=tuple(data.validation.labels.tolist()),
            predicted=tuple(judged.predicted.tolist()),
            confidence=tuple(judged.confidence.tolist()),
        )
        try:
            predictions.write(path, said)
        except OSError as error:
            reason = error.strerror or str(error)
            yield ev.Notice(f"{path.name} could not be written ({reason}): no mistakes are shown")

    def _route(
        self, split: str, choose: Callable[[int], Iterator[ev.Event | Route]], epoch: int
    ) -> Generator[ev.Event, None, Route]:
        """The split's route in the epoch's phase, chosen when the phase or the sitting begins."""
        if split not in self._routes:
            for item in choose(epoch):
                if isinstance(item, Route):
                    self._routes[split] = item
                else:
                    self._loop.check_stop()
                    yield item
        return self._routes[split]

    def _finish(self) -> Iterator[ev.Event]:
        yield ev.Progress("auditing")
        if self._ends.weights is not None:
            checkpoint.save_weights(self._ends.weights, self._model)
        self._writer.wait()
        error = self._precision_error() if self._settings.precision == "fast" else None
        yield replace(self._auditor.result(), precision_error=error)
        yield ev.Finished(self._seconds())

    @torch.no_grad()
    def _precision_error(self) -> float:
        """How far the first validation batch's logits are from those of exact arithmetic."""
        entries = torch.arange(len(self._data.validation))[: self._settings.batch_size]
        self._model.eval()
        fast = self._routes.get("validation", self._cache.plain(VALIDATION)).logits(entries)
        self._model.to(memory_format=torch.contiguous_format)
        exact = whole(self._network, self._data.validation, self._device).logits(entries)
        return precision.precision_error(fast, exact)

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._began

    def _snapshot(self, epoch: int) -> checkpoint.Checkpoint:
        return checkpoint.Checkpoint(
            epoch=epoch,
            model=self._model.state_dict(),
            optimizer=self._optimizer.state_dict(),
            scheduler=self._scheduler.state_dict(),
            random=random_state(self._device),
            audit=self._auditor.state_dict(),
            seconds=self._seconds(),
            origin=self._origin,
        )

    def _restore(self, saved: checkpoint.Checkpoint) -> None:
        try:
            self._model.load_state_dict(saved.model)
            self._optimizer.load_state_dict(saved.optimizer)
            self._scheduler.load_state_dict(saved.scheduler)
            self._auditor.load_state_dict(saved.audit)
            set_random_state(saved.random, self._device)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            wrong = f"hold what the schedule's model cannot take ({reason})"
            raise InputError("checkpoints", wrong, "start a new run in another folder") from error
