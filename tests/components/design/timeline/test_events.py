"""An event as the browser sends it, and as Python reads it."""

from __future__ import annotations

from typing import Any

import pytest

from pages.components.design.timeline.events import (
    FieldsEvent,
    GroupsEvent,
    HistoryEvent,
    Selection,
    ViewEvent,
    read_event,
)

GROUPS: dict[str, Any] = {
    "kind": "groups",
    "seq": 3,
    "view": {},
    "after": {"a": {"trainable": [[0, 2], [3, None]]}, "b": {"trainable": []}},
    "before": {"a": {"trainable": [[0, None]]}, "b": {"trainable": [[1, 2]]}},
}
FIELDS: dict[str, Any] = {"kind": "fields", "seq": 1, "view": {}, "fields": {"lr.warmup.epochs": 1}}


def test_an_edit_of_groups_has_their_fields_before_and_after() -> None:
    event = read_event(GROUPS)
    assert isinstance(event, GroupsEvent)
    assert {name: group.trainable for name, group in event.after.items()} == {
        "a": ((0, 2), (3, None)),
        "b": (),
    }
    assert event.before["b"].trainable == ((1, 2),)
    assert event.after["a"].lr_scale is None


def test_an_edit_of_the_curve_has_its_fields_by_path() -> None:
    event = read_event(
        {**FIELDS, "fields": {"lr.warmup.epochs": 2, "lr.after_unfreeze": "restart"}}
    )
    assert isinstance(event, FieldsEvent)
    assert event.fields == {"lr.warmup.epochs": 2.0, "lr.after_unfreeze": "restart"}


def test_undo_and_redo_are_events_among_the_others() -> None:
    event = read_event({"kind": "history", "seq": 4, "view": {}, "way": "undo"})
    assert isinstance(event, HistoryEvent)
    assert event.way == "undo"


def test_what_is_looked_at_says_what_of_it_has_changed() -> None:
    sent = {"selected": {"group": "layer4", "window": 1}, "span": [2, 4.5]}
    event = read_event({"kind": "view", "seq": 1, "view": sent})
    assert isinstance(event, ViewEvent)
    assert event.view.model_fields_set == {"selected", "span"}
    assert event.view.selected == Selection(group="layer4", window=1)
    assert event.view.span == (2.0, 4.5)
    nothing = read_event({"kind": "view", "seq": 1, "view": {"selected": None, "span": None}})
    assert nothing is not None
    assert nothing.view.selected is nothing.view.span is None


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "groups",
        {**GROUPS, "kind": "other"},
        {**GROUPS, "seq": "3"},
        {**GROUPS, "view": None},
        {**GROUPS, "view": {"selected": {"group": "a"}}},
        {**GROUPS, "view": {"selected": "layer4"}},
        {**GROUPS, "view": {"span": [1]}},
        {**GROUPS, "view": {"playhead": float("nan")}},
        {**GROUPS, "after": {"a": {"trainable": [[0]]}}},
        {**GROUPS, "after": {"a": {"trainable": 3}}},
        {**GROUPS, "after": {"a": {"trainable": [[-1, None]]}}},
        {**GROUPS, "after": {"a": {"lr_scale": 0}}},
        {**GROUPS, "after": [[0, None]]},
        {**FIELDS, "fields": {"lr.warmup.epochs": None}},
        {**FIELDS, "fields": {"lr.warmup.epochs": [1]}},
        {"kind": "history", "seq": 1, "view": {}, "way": "back"},
    ],
)
def test_what_is_not_an_event_is_none(sent: object) -> None:
    assert read_event(sent) is None
