"""The preset document: a recipe from the literature, in its own numbers, for any model.

A preset speaks of roles (stem, thirds of the body, head), never of a model's layers;
`core.presets.apply` makes a schedule of it. Text becomes a preset in `parse_preset` and
nowhere else.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from core.errors import InputError, ScheduleError, quoted
from core.schedule import parse
from core.schedule.document import (
    MAX_EPOCHS,
    Document,
    Name,
    Scale,
    Window,
    members,
    validation_error,
)
from core.schedule.optimizers import Optimizer
from core.schedule.shapes import Cosine, Decay, Warmup
from core.schedule.spec import GroupDecay, ModelRef
from core.schedule.validation import UNIONS, DocumentClasses, input_errors

Sentence = Annotated[str, StringConstraints(min_length=1, max_length=600)]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")]
PositiveShare = Annotated[float, Field(gt=0, le=1)]

Role = Literal["all", "head", "backbone", "stem", "first", "middle", "last"]
"""A place in any model: the head is its last group, the backbone all others, the stem the first.

`first`, `middle` and `last` are thirds of what lies between stem and head.
"""

Fineness = Literal["coarse", "default", "finest"]
"""How finely the model is cut into groups: backbone and head, the table's default, or blocks."""

Family = Literal["thaw", "part", "rates", "curve", "exercise"]
"""What a preset is about: when groups thaw, which of them train, their rates, or the curve."""


class Reference(Document):
    """A source of numbers: what to cite, its address, the place in it, and the numbers."""

    citation: Sentence
    url: Annotated[str, StringConstraints(pattern=r"^https://\S+$", max_length=300)] | None = None
    where: Sentence
    numbers: tuple[Sentence, ...] = ()


class Cascade(Document):
    """Groups thaw one after the other, from the head to the input.

    The head thaws at epoch 0, the next group at `every`, and so on; with `groups`, only so many do,
    and with `latest`, none later than at that epoch.
    """

    kind: Literal["cascade"]
    every: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 1
    groups: Annotated[int, Field(ge=1)] | None = None
    latest: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = MAX_EPOCHS


class Chain(Document):
    """Each group trains alone for `every` epochs, and then all train to the end (chain-thaw).

    The head is the first; the others follow from the input on.
    """

    kind: Literal["chain"]
    every: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 1


class FreezeOut(Document):
    """Groups freeze one after the other, from the input on (FreezeOut, arXiv:1706.04983).

    Group i of L (the head is L, and never freezes) trains for the share
    (first + (1 - first) · i / L) ** power of the run. With `scaled`, its rate is divided by it.
    """

    kind: Literal["freeze-out"]
    first: PositiveShare
    power: Annotated[int, Field(ge=1, le=10)] = 1
    scaled: bool = False


Pattern = Annotated[Cascade | Chain | FreezeOut, Field(discriminator="kind")]


class Rule(Document):
    """The windows of the groups of a role, listed or made by a pattern.

    `batchnorm` is for groups with BatchNorm layers only. Other fields are those of a group.
    """

    role: Role
    trainable: tuple[Window, ...] = ()
    pattern: Pattern | None = None
    lr_scale: Scale | None = None
    when_frozen: Literal["eval", "train"] = "eval"
    batchnorm: Literal["eval"] | None = None

    @model_validator(mode="after")
    def _has_one_kind_of_windows(self) -> Self:
        if self.pattern is not None and self.trainable:
            raise validation_error(
                "cannot be combined with a pattern", "keep one of the two", "trainable"
            )
        if isinstance(self.pattern, FreezeOut) and self.pattern.scaled and self.lr_scale:
            wrong = "cannot be combined with a scaled freeze-out"
            raise validation_error(wrong, "keep one of the two", "lr_scale")
        return self


class PresetWarmup(Warmup):
    """A warmup whose length is given in `epochs`, or as a `share` of the run."""

    share: PositiveShare | None = None

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if self.share is not None and self.epochs:
            raise validation_error(
                "cannot be combined with epochs", "keep one of the two", "lr.warmup.share"
            )
        return self


class PresetLearningRate(Document):
    """The schedule's `lr`; the warmup may be a share of the run, the decay given by `lowest_scale`.

    With `lowest_scale` the first group peaks at that share of the head's rate, and the others lie
    between them at equal distances on a log scale (fastai's slices).
    """

    group_decay: GroupDecay = 1.0
    lowest_scale: PositiveShare | None = None
    interval: Literal["epoch", "step"] = "step"
    warmup: PresetWarmup = PresetWarmup()
    decay: Decay = Cosine(shape="cosine")
    after_unfreeze: Literal["follow", "restart"] = "follow"

    @model_validator(mode="after")
    def _has_one_spread(self) -> Self:
        if self.lowest_scale is not None and self.group_decay != 1.0:
            wrong = "cannot be combined with group_decay"
            raise validation_error(wrong, "keep one of the two", "lr.lowest_scale")
        return self


class Preset(Document):
    """A recipe for any model, with its sources.

    `cannot` lists what the source does and a schedule cannot express, `changed` what Thaw does
    differently on purpose. `model` is the one that `presets.load` takes, by default the bundled
    model. The run has `epochs`, and `epochs_per_group` more for each group. A group follows the
    first rule for one of its roles; without a rule it stays frozen.
    """

    format: Literal["thaw.preset"]
    version: Literal[1]
    name: Slug
    title: Name
    family: Family
    when: Sentence
    sources: Annotated[tuple[Reference, ...], Field(min_length=1)]
    cannot: tuple[Sentence, ...] = ()
    changed: tuple[Sentence, ...] = ()
    model: ModelRef | None = None
    grouping: Fineness = "default"
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    epochs_per_group: Annotated[int, Field(ge=0, le=100)] = 0
    optimizer: Optimizer
    lr: PresetLearningRate = PresetLearningRate()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


_CLASSES = DocumentClasses(
    Preset,
    {
        "sources": Reference,
        "model": ModelRef,
        "lr": PresetLearningRate,
        "warmup": PresetWarmup,
        "rules": Rule,
    },
    {**UNIONS, "pattern": members(Pattern)},
)


def parse_preset(text: str | bytes) -> Preset:
    """Return the preset that a JSON document describes.

    Raises ScheduleError, with up to 100 reasons in `.problems`, for anything that is no preset.
    """
    raw = parse.load_json(text)
    if not isinstance(raw, dict) or raw.get("format") != "thaw.preset":
        named = raw.get("format") if isinstance(raw, dict) else raw
        way_out = 'a preset is an object with "format": "thaw.preset"'
        raise ScheduleError([InputError("format", f"is {quoted(named)}", way_out)])
    try:
        return Preset.model_validate_json(text)
    except ValidationError as error:
        raise ScheduleError(input_errors(error, _CLASSES)) from None
