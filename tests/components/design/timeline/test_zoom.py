"""The part of the run that is in view."""

from __future__ import annotations

import pytest

from tests.components.design.timeline.bench import drawn, play, schedule

DATA = drawn(schedule(), playhead=4.0)
SPANS = "t.wait(200); return t.sent.map(({ kind, view }) => [kind, view.span]);"


@pytest.mark.parametrize("zoom", ["t.key(t.root(), '+')", "t.click('closer')"])
def test_a_key_and_a_button_show_half_as_much_round_the_playhead(zoom: str) -> None:
    assert play(DATA, f"{zoom}; {SPANS}") == [["view", [2, 6]]]


def test_the_whole_run_comes_back_and_nothing_is_told_of_what_did_not_last() -> None:
    script = f"t.key(t.root(), '+'); t.key(t.root(), '+'); t.key(t.root(), '0'); {SPANS}"
    assert play(DATA, script) == []
    script = f"t.key(t.root(), '+'); t.wait(200); t.answer(); t.key(t.root(), '0'); {SPANS}"
    assert play(DATA, script) == [["view", [2, 6]], ["view", None]]


def test_the_wheel_zooms_with_ctrl_and_moves_along_with_shift() -> None:
    closer = "t.wheel({ clientX: 400, deltaY: -240, ctrlKey: true });"
    ((_, (start, end)),) = play(DATA, closer + SPANS)
    assert (start + end) / 2 == pytest.approx(4, abs=1e-3)
    assert end - start == pytest.approx(8 / 2.718281828, abs=1e-3)
    along = "t.wheel({ deltaY: 100, shiftKey: true });"
    ((_, (moved, _)),) = play(DATA, closer + along + SPANS)
    assert moved == pytest.approx(start + 100 / 800 * (end - start), abs=1e-3)
    assert play(DATA, along + SPANS) == []


def test_the_scroll_bar_moves_the_view_by_hand_and_by_keys() -> None:
    zoomed = """
        t.call({ view: { ...view, span: [2, 6] } });
        const bar = t.find("Part of the run that is shown");
    """
    view = DATA["view"]
    drag = "t.down(bar, 400); t.move(500); t.up(500);"
    assert play(DATA, zoomed + drag + SPANS, view=view) == [["view", [3, 7]]]
    assert play(DATA, f"{zoomed} t.key(bar, 'Home'); t.wait(300); {SPANS}", view=view) == [
        ["view", [0, 4]]
    ]


def test_python_brings_the_whole_run_back_when_its_length_changes() -> None:
    script = """
        t.key(t.root(), "+"); t.wait(200); t.answer({ view: { ...view, span: [2, 6] } });
        t.call({ ...longer });
        return [t.value("Playhead"), [...t.root().all()].some((node) => node.textContent === "16")];
    """
    longer = drawn(schedule(epochs=16), playhead=4.0)
    assert play(DATA, script, view=DATA["view"], longer=longer) == [4, True]
