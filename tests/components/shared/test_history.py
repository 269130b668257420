"""Undo and redo as a value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.schedule import edits
from core.schedule.spec import Schedule
from pages.components.shared.history import MAX_VERSIONS, History

FIRST = presets.load("gradual")


def _of(epochs: int) -> Schedule:
    return edits.set_field(FIRST, "epochs", epochs)


def test_undo_gives_back_what_was_there_and_redo_what_came_after() -> None:
    history = History.start(FIRST).edited(_of(7)).edited(_of(8))
    assert history.undone().present == _of(7)
    assert history.undone().undone().present == FIRST
    assert history.undone().redone() == history


def test_an_equal_schedule_is_no_edit() -> None:
    history = History.start(FIRST)
    assert history.edited(_of(FIRST.epochs)) is history


def test_each_schedule_keeps_what_it_began_as() -> None:
    history = History.start(FIRST, "gradual").edited(_of(7), "gradual").edited(_of(8))
    assert history.origin is None
    assert history.undone().origin == "gradual"
    assert history.undone().redone().origin is None
    again = history.undone().edited(_of(9), "ulmfit")
    assert [version.origin for version in again.versions] == ["gradual", "gradual", "ulmfit"]


def test_an_edit_after_undo_forgets_what_was_undone() -> None:
    history = History.start(FIRST).edited(_of(7)).undone().edited(_of(9))
    assert not history.can_redo
    assert [version.schedule for version in history.versions] == [FIRST, _of(9)]


def test_the_oldest_schedules_are_dropped_past_the_limit() -> None:
    history = History.start(FIRST)
    for epochs in range(100, 100 + MAX_VERSIONS + 5):
        history = history.edited(_of(epochs))
    assert len(history.versions) == MAX_VERSIONS
    assert history.present == _of(100 + MAX_VERSIONS + 4)


@given(st.lists(st.sampled_from(["undo", "redo", 3, 4, 5]), max_size=30))
def test_no_way_of_clicking_leaves_the_list(clicks: list[str | int]) -> None:
    history = History.start(FIRST)
    for click in clicks:
        if click == "undo":
            history = history.undone()
        elif click == "redo":
            history = history.redone()
        else:
            history = history.edited(_of(int(click)))
        assert history.present == history.versions[history.at].schedule
        assert history.can_undo == (history.undone() != history)
        assert history.can_redo == (history.redone() != history)
