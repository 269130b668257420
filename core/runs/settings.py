"""Run settings: how a schedule is run on a machine. The schedule itself stays portable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.cache_plan.planner import CacheBudget
from core.data.bundled import BUNDLED_DATA, BUNDLED_TRAIN_IMAGES
from core.errors import InputError, SettingsError, quoted
from core.schedule.batches import steps_per_epoch
from core.schedule.document import validation_error
from core.schedule.validation import DocumentClasses, input_errors

Augment = Literal["none", "flip", "crops", "random", "color"]

VIEWS: Mapping[Augment, int | None] = {
    "none": 1,
    "flip": 2,
    "crops": 10,
    "random": None,
    "color": None,
}
"""The number of views of an image, see `core.training.augment`; None: a new one in every epoch."""

CHANGE_NO_BIT = frozenset({"cache", "cache_memory", "cache_disk", "workers"})
"""The settings that change how fast a run is, and no bit of its result."""

MIN_IMAGE_SIZE, MAX_IMAGE_SIZE = 16, 1_024
_MEGABYTE = 1_000_000
FREE_SHARE = 0.25
"""Share of the free memory, and of the free disk, that stored tensors may take by default."""


class RunSettings(BaseModel):
    """The settings of a run; every field has a default that suits a small CPU.

    `data` is `fashion-mnist` (bundled) or a folder of class folders. `samples` and
    `validation_samples` are the most images of each split, `batch_size` the images of a step.
    `augment` shows each training image in one of its views per epoch: flipped or not, in ten crops,
    or in a new random crop every time (`random`), in new colors too (`color`). `cache` is that of
    the frozen part, see `core.training.cache`; it may take `cache_memory` and `cache_disk`
    megabytes, by default a quarter of what is free. `precision: "fast"` gives up the last bits for
    speed, see `core.training.numerics`. `optimizer_step: "fused"` takes torch's fused optimizer
    where the device has it; `"plain"` gives the bits of a loop that is written by hand. `clip_norm`
    is the largest norm of all gradients together; `autocast` and `memory_format` are torch's, see
    `core.training.numerics`. A batch is computed in `accumulate` micro-batches in each of the
    `processes` that the run was begun with. `decode: "ahead"` holds the images of a folder in
    memory; `"stream"` decodes each batch as it comes, in as many processes as `workers` says (0: in
    that of the run). Neither changes a bit.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    data: Annotated[str, Field(min_length=1, max_length=4096)] = BUNDLED_DATA
    samples: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000
    validation_samples: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000
    image_size: Annotated[int, Field(ge=MIN_IMAGE_SIZE, le=MAX_IMAGE_SIZE)] = 64
    batch_size: Annotated[int, Field(ge=1, le=8_192)] = 32
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    augment: Augment = "none"
    cache: Literal["auto", "off"] = "auto"
    cache_memory: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    cache_disk: Annotated[int, Field(ge=0, le=100_000_000)] | None = None
    precision: Literal["exact", "fast"] = "exact"
    optimizer_step: Literal["fused", "plain"] = "fused"
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    autocast: Literal["off", "bf16", "fp16"] = "off"
    memory_format: Literal["contiguous", "channels_last"] = "contiguous"
    processes: Annotated[int, Field(ge=1, le=4_096)] = 1
    accumulate: Annotated[int, Field(ge=1, le=4_096)] = 1
    decode: Literal["ahead", "stream"] = "ahead"
    workers: Annotated[int, Field(ge=0, le=64)] = 0

    @property
    def micro_batches(self) -> int:
        """The micro-batches that a batch is computed in, over all processes."""
        return self.processes * self.accumulate

    def repeats(self, other: RunSettings) -> bool:
        """Return whether a run with these settings repeats one of the others, perhaps by a seed.

        What changes no bit may differ: the settings of the frozen-part cache, and `workers`.
        """
        free = {"seed", *CHANGE_NO_BIT}
        return self.model_dump(exclude=free) == other.model_dump(exclude=free)

    @model_validator(mode="after")
    def _can_be_shared(self) -> RunSettings:
        size, parts = self.batch_size, self.micro_batches
        if parts > 1 and (size % parts or size < 2 * parts):
            of = f"{parts} micro-batches (processes times --accumulate)"
            wrong = f"is {size:,}, which {of} cannot share evenly, 2 images or more each"
            fitting = parts * max(2, round(size / parts))
            raise validation_error(wrong, f"use {fitting:,}", "batch_size")
        return self

    @model_validator(mode="after")
    def _workers_decode(self) -> RunSettings:
        if self.workers and self.decode != "stream":
            wrong = f"is {self.workers}, but --decode is {self.decode}"
            raise validation_error(wrong, "use --workers 0 or --decode stream", "workers")
        return self

    def with_absolute_data(self) -> RunSettings:
        """Return the same settings, with a path in `data` that holds wherever the run is resumed.

        Raises SettingsError for `~name` if nobody of that name has a home folder.
        """
        if self.data == BUNDLED_DATA:
            return self
        try:
            data = str(Path(self.data).expanduser().absolute())
        except RuntimeError:
            wrong = f"is {quoted(self.data)}, but there is no such home folder"
            raise SettingsError("--data", wrong, "write the folder's whole path") from None
        return self.model_copy(update={"data": data})


def make_settings(**values: Any) -> RunSettings:
    """Return settings of plain values; raise SettingsError, naming all wrong flags."""
    try:
        return RunSettings(**values)
    except ValidationError as error:
        raise _explain(error) from None


def read_settings(text: str | bytes) -> RunSettings:
    """Return the settings in a JSON text; raise SettingsError, naming all wrong flags."""
    try:
        return RunSettings.model_validate_json(text)
    except ValidationError as error:
        raise _explain(error) from None


def read_run_settings(text: str | bytes) -> RunSettings:
    """Return the settings in a run's settings.json; raise SettingsError, naming all wrong flags.

    A file without `optimizer_step` is older than that setting, and its run steps plainly.
    """
    settings = read_settings(text)
    if "optimizer_step" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"optimizer_step": "plain"})


def cache_budget(settings: RunSettings, memory: int, disk: int) -> CacheBudget:
    """Return the bytes for stored tensors: those of the settings, else `memory` and `disk`."""
    own, own_disk = settings.cache_memory, settings.cache_disk
    return CacheBudget(
        memory if own is None else own * _MEGABYTE,
        disk if own_disk is None else own_disk * _MEGABYTE,
    )


def planned_steps(settings: RunSettings, train_images: int | None = None) -> int:
    """Return the steps of an epoch, as far as they are known before the data is read.

    `train_images` (at least 1) are those of a folder, if they have been counted. Otherwise it may
    have fewer than `samples`, and its run fewer steps.
    """
    if train_images is not None:
        images = min(settings.samples, train_images)
    elif settings.data == BUNDLED_DATA:
        images = min(settings.samples, BUNDLED_TRAIN_IMAGES)
    else:
        images = settings.samples
    return steps_per_epoch(images, settings.batch_size, settings.micro_batches)


def _explain(error: ValidationError) -> SettingsError:
    problems = [_by_flag(each) for each in input_errors(error, _CLASSES)]
    first = problems[0]
    return SettingsError(first.field, first.wrong, first.way_out, problems)


def _by_flag(found: InputError) -> SettingsError:
    """Return the error with the setting's flag as its field; unknown settings come from a file."""
    name = found.field
    if name in RunSettings.model_fields:
        way_out = _DEVICES if name == "device" else found.way_out
        return SettingsError(f"--{name.replace('_', '-')}", found.wrong, way_out)
    if name:
        wrong = f"has {name}, which is no run setting"
        return SettingsError("settings.json", wrong, f"remove it; {found.way_out}")
    return SettingsError("settings.json", found.wrong, found.way_out)


_CLASSES = DocumentClasses(RunSettings, parts={}, unions={})
_DEVICES = f"use one of {', '.join(get_args(RunSettings.model_fields['device'].annotation))}"
"""A way out that names every device, since `cpu` would be the nearest to `gpu`."""
