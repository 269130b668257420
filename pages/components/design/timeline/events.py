"""The timeline's events: an edit, or a change of the view alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, TypeAdapter, ValidationError

from core.schedule.document import Scale, Window


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Selection(_Message):
    """A group's name and the index of one of its windows."""

    group: str
    window: StrictInt


class View(_Message):
    """The view, as far as it has changed: `model_fields_set` names the fields that have.

    `playhead` and `span`, the part of the run in view, are in epochs; no span is all of it.
    `folded` names the stages that are one row. `narrow` says whether the timeline is less than
    700 px wide.
    """

    playhead: float = 0.0
    selected: Selection | None = None
    span: tuple[float, float] | None = None
    folded: tuple[str, ...] = ()
    narrow: bool = False


class GroupFields(_Message):
    """The fields of a group that a hand can change, None for those that it has not changed."""

    trainable: tuple[Window, ...] | None = None
    lr_scale: Scale | None = None


class _Event(_Message):
    seq: StrictInt
    view: View


class ViewEvent(_Event):
    """No edit: only what is looked at has changed."""

    kind: Literal["view"]


class GroupsEvent(_Event):
    """New fields of the groups that a hand has changed, and those that they had when it began."""

    kind: Literal["groups"]
    after: dict[str, GroupFields]
    before: dict[str, GroupFields]


class FieldsEvent(_Event):
    """New values of the schedule's fields, by their dotted paths, as in "lr.warmup.epochs"."""

    kind: Literal["fields"]
    fields: dict[str, float | str]


class HistoryEvent(_Event):
    """A step back or forth in the history of edits, in its turn among the other events."""

    kind: Literal["history"]
    way: Literal["undo", "redo"]


Event = ViewEvent | GroupsEvent | FieldsEvent | HistoryEvent

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def read_event(value: object) -> Event | None:
    """Return an event as the browser sent it, or None; `merge` says whether an edit makes sense."""
    try:
        return _EVENT.validate_python(value)
    except ValidationError:
        return None
