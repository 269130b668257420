"""The preset document: a recipe from the literature, in its own numbers, for any model.

A preset speaks of roles (stem, thirds of the body, head), never of a model's layers;
`core.presets.apply` makes a schedule of it. Text becomes a preset in `read` and nowhere else.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from core.errors import InputError, ScheduleError, shown
from core.schedule import parse
from core.schedule.document import MAX_EPOCHS, Document, Name, Scale, Window, members, refused
from core.schedule.optimizers import Optimizer
from core.schedule.shapes import Cosine, Decay, Warmup
from core.schedule.spec import GroupDecay, ModelRef
from core.schedule.validation import UNIONS, DocumentClasses, input_errors

Sentence = Annotated[str, StringConstraints(min_length=1, max_length=600)]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z0-9-]+$")]
Share = Annotated[float, Field(gt=0, le=1)]

Role = Literal["all", "head", "backbone", "stem", "first", "middle", "last"]
"""A place in any model: the head is its last group, the backbone all others, the stem the first.

`first`, `middle` and `last` are thirds of what lies between stem and head.
"""

Fineness = Literal["coarse", "default", "finest"]
"""How finely the model is cut: into backbone and head, as the table suggests, or into blocks."""

Family = Literal["thaw", "part", "rates", "curve", "exercise"]
"""What a preset is about: when groups thaw, which of them train, their rates, or the curve."""


class Source(Document):
    """Where numbers come from: what to cite, its address, the place in it, and the numbers."""

    citation: Sentence
    url: Annotated[str, StringConstraints(pattern=r"^https://\S+$", max_length=300)] | None = None
    where: Sentence
    numbers: tuple[Sentence, ...] = ()


class Cascade(Document):
    """Groups thaw from the head down, one every `every` epochs, the first `groups` of them.

    The head thaws at epoch 0, the next group at `every`, and so on; without `groups`, all do.
    """

    kind: Literal["cascade"]
    every: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 1
    groups: Annotated[int, Field(ge=1)] | None = None


class Chain(Document):
    """Each group trains alone for `every` epochs, and at the end all do (chain-thaw).

    The head comes first, then the others from the input on.
    """

    kind: Literal["chain"]
    every: Annotated[int, Field(ge=1, le=MAX_EPOCHS)] = 1


class FreezeOut(Document):
    """Groups freeze one by one from the input on (FreezeOut, arXiv:1706.04983).

    Group i of L (the head is L, and never freezes) trains for the share
    (first + (1 - first) · i / L) ** power of the run. With `scaled`, its rate is divided by that.
    """

    kind: Literal["freeze-out"]
    first: Share
    power: Annotated[int, Field(ge=1, le=10)] = 1
    scaled: bool = False


Pattern = Annotated[Cascade | Chain | FreezeOut, Field(discriminator="kind")]


class Rule(Document):
    """What the groups of a role do: their windows, given or by a pattern, and other fields.

    `batchnorm` holds for groups with BatchNorm layers only. Other fields are those of a group.
    """

    role: Role
    trainable: tuple[Window, ...] = ()
    pattern: Pattern | None = None
    lr_scale: Scale | None = None
    when_frozen: Literal["eval", "train"] = "eval"
    batchnorm: Literal["eval"] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.pattern is not None and self.trainable:
            raise refused("cannot be combined with a pattern", "keep one of the two", "trainable")
        if isinstance(self.pattern, FreezeOut) and self.pattern.scaled and self.lr_scale:
            wrong = "cannot be combined with a scaled freeze-out"
            raise refused(wrong, "keep one of the two", "lr_scale")
        return self


class PresetWarmup(Warmup):
    """A warmup of `epochs`, or of a `share` of the whole run."""

    share: Share | None = None

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if self.share is not None and self.epochs:
            raise refused(
                "cannot be combined with epochs", "keep one of the two", "lr.warmup.share"
            )
        return self


class Curve(Document):
    """The schedule's `lr`, but that lengths may be shares and decays a whole spread.

    With `lowest_scale` the first group peaks at that share of the head's rate, and the others lie
    evenly between on a log scale (fastai's slices).
    """

    group_decay: GroupDecay = 1.0
    lowest_scale: Share | None = None
    interval: Literal["epoch", "step"] = "step"
    warmup: PresetWarmup = PresetWarmup()
    decay: Decay = Cosine(shape="cosine")
    after_unfreeze: Literal["follow", "restart"] = "follow"

    @model_validator(mode="after")
    def _has_one_spread(self) -> Self:
        if self.lowest_scale is not None and self.group_decay != 1.0:
            wrong = "cannot be combined with group_decay"
            raise refused(wrong, "keep one of the two", "lr.lowest_scale")
        return self


class Preset(Document):
    """A recipe for any model, with its sources.

    `cannot` says what the source has and a schedule cannot say, `changed` what is otherwise here by
    choice. `model` is the one that `presets.load` takes; without one it is the bundled model. The
    run has `epochs`, and `epochs_per_group` more for each group. The first rule whose role a group
    has tells what the group does; one without a rule stays frozen.
    """

    format: Literal["thaw.preset"]
    version: Literal[1]
    name: Slug
    title: Name
    family: Family
    when: Sentence
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    cannot: tuple[Sentence, ...] = ()
    changed: tuple[Sentence, ...] = ()
    model: ModelRef | None = None
    grouping: Fineness = "default"
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    epochs_per_group: Annotated[int, Field(ge=0, le=100)] = 0
    optimizer: Optimizer
    lr: Curve = Curve()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


_ANATOMY = DocumentClasses(
    Preset,
    {"sources": Source, "model": ModelRef, "lr": Curve, "warmup": PresetWarmup, "rules": Rule},
    {**UNIONS, "pattern": members(Pattern)},
)


def read(text: str | bytes) -> Preset:
    """Return the preset that a JSON document describes.

    Raises ScheduleError, with every reason in `.problems`, as `core.schedule.parse` does.
    """
    raw = parse.load_json(text)
    if not isinstance(raw, dict) or raw.get("format") != "thaw.preset":
        found = raw.get("format") if isinstance(raw, dict) else raw
        way_out = 'a preset is an object with "format": "thaw.preset"'
        raise ScheduleError([InputError("format", f"is {shown(found)}", way_out)])
    try:
        return Preset.model_validate_json(text)
    except ValidationError as error:
        raise ScheduleError(input_errors(error, _ANATOMY)) from None


def to_raw(preset: Preset) -> dict[str, Any]:
    """Return the preset as plain JSON values: what it says, a default too where it says that."""
    return preset.model_dump(mode="json", exclude_unset=True)


def dumps(preset: Preset) -> str:
    """Return the preset as JSON for people, as presets are stored."""
    return parse.pretty(to_raw(preset))
