"""A mouse and fingers on the timeline. 100 px are an epoch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.design.timeline.bench import drawn, play, schedule

DATA = drawn(schedule(), playhead=1.0)
TWO = drawn(schedule({"layer2": [[1, 3], [6, None]]}), playhead=1.0)
FINGER = "pointerType: 'touch'"
ZOOMED = "t.call({ view: { ...view, span: [2, 6] } });"


def windows(script: str, data: Any = DATA) -> Any:
    """The windows of each group that the last event of a script has changed."""
    sent = play(data, f"{script}; t.settle(); return t.sent.at(-1) ?? null;")
    return sent and {name: group["trainable"] for name, group in sent["after"].items()}


def test_a_drag_of_an_edge_is_one_edit_when_it_lets_go() -> None:
    script = "t.down(t.find('layer3 thaws'), 400); t.move(450); t.move(600);"
    assert play(DATA, f"{script} return t.sent.length;") == 0
    assert windows(f"{script} t.up(600)") == {"layer3": [[6, None]]}


def test_a_bar_moves_as_a_whole() -> None:
    bar = "t.find('layer2 trains in epochs 1 to 3, window 1 of 2')"
    script = f"t.down({bar}, 200); t.move(350); t.up(350)"
    assert windows(script, TWO) == {"layer2": [[3, 5], [6, None]]}


def test_a_group_that_never_trains_is_pulled_in() -> None:
    script = "t.down(t.find('stem thaws'), 800); t.move(500); t.up(500)"
    assert windows(script) == {"stem": [[5, None]]}


@pytest.mark.parametrize("ends", ["t.key(t.root(), 'Escape')", "t.cancel()"])
def test_a_drag_that_is_broken_off_changes_nothing(ends: str) -> None:
    script = f"""
        t.down(t.find("layer3 thaws"), 400); t.move(600); {ends}; t.move(700); t.up(700);
        return [t.value("layer3 thaws"), t.sent.length];
    """
    assert play(DATA, script) == [4, 0]


def test_bars_that_are_selected_together_move_together() -> None:
    script = """
        const click = (label, x, event) => { t.down(t.find(label), x, event); t.up(x); };
        click("layer4 trains in epochs 2 to 8", 300);
        click("layer3 trains in epochs 4 to 8", 500, { shiftKey: true });
        t.settle();
        t.down(t.find("layer3 thaws"), 400); t.move(500); t.up(500)
    """
    assert windows(script) == {"layer3": [[5, None]], "layer4": [[3, None]]}


def test_a_click_selects_and_an_edit_carries_what_is_selected() -> None:
    script = """
        t.down(t.find("layer4 trains in epochs 2 to 8"), 300); t.up(300);
        t.answer();
        t.down(t.find("layer3 thaws"), 400); t.move(500); t.up(500);
        return t.sent.map(({ kind, view }) => [kind, view.selected.group]);
    """
    assert play(DATA, script) == [["view", "layer4"], ["groups", "layer3"]]


def test_a_double_click_splits_a_bar_and_thaws_in_a_gap() -> None:
    twice = "t.down(t.find('%s'), %d); t.up(%d);" * 2
    bar = "layer4 trains in epochs 2 to 8"
    assert windows(twice % (bar, 500, 500, bar, 500, 500)) == {"layer4": [[2, 5], [6, None]]}
    gap = "layer3 is frozen in epochs 0 to 4: add a window"
    assert windows(twice % (gap, 150, 150, gap, 150, 150)) == {"layer3": [[1, 3], [4, None]]}


def test_a_finger_that_rests_on_a_gap_thaws_there_and_on_a_bar_selects_it_as_well() -> None:
    gap = "layer3 is frozen in epochs 0 to 4: add a window"
    rests = f"t.down(t.find('{gap}'), 150, {{ {FINGER} }}); t.wait(600)"
    assert windows(rests) == {"layer3": [[1, 3], [4, None]]}
    script = f"""
        const bars = ["layer4 trains in epochs 2 to 8", "layer3 trains in epochs 4 to 8"];
        for (const bar of bars) {{
          t.down(t.find(bar), 500, {{ {FINGER} }}); t.wait(600); t.up(500);
        }}
        return bars.map((bar) => t.find(bar).getAttribute("aria-pressed"));
    """
    assert play(DATA, script) == ["true", "true"]


def test_two_fingers_zoom_and_end_what_the_first_has_begun() -> None:
    script = f"""
        t.down(t.find("layer3 thaws"), 300, {{ {FINGER} }});
        t.move(350, {{ {FINGER} }});
        t.down(t.root(), 500, {{ {FINGER}, pointerId: 2, isPrimary: false }});
        t.move(150, {{ {FINGER} }}); t.move(650, {{ {FINGER}, pointerId: 2 }});
        t.up(150, {{ {FINGER} }}); t.up(650, {{ {FINGER}, pointerId: 2 }});
        t.wait(200);
        return [t.value("layer3 thaws"), t.sent];
    """
    thaw, sent = play(DATA, script)
    assert thaw == 4
    (event,) = sent
    start, end = event["view"]["span"]
    assert event["kind"] == "view"
    assert 0 < start < end < 8


def test_an_empty_place_moves_the_view_only_where_there_is_more_to_see() -> None:
    script = """
        t.down(t.find("stem is frozen in epochs 0 to 8: add a window"), 400);
        t.move(300); t.up(300); t.wait(200);
        return t.sent.map(({ view }) => view.span);
    """
    assert play(DATA, script) == []
    assert play(DATA, ZOOMED + script, view=DATA["view"]) == [[2.5, 6.5]]


def test_a_press_beside_the_playheads_flag_brings_it_there() -> None:
    script = """
        const flag = t.find("Playhead");
        t.down(flag.parentNode, 330); t.up(330);
        return [t.value("Playhead"), t.sent.map(({ view }) => view)];
    """
    assert play(DATA, script) == [3.3, [{"playhead": 3.3}]]


@pytest.mark.parametrize(
    ("label", "to", "sent"),
    [
        ("Warmup ends", {"clientX": 250}, {"lr.warmup.epochs": 2.5}),
        ("Warmup starts from", {"clientY": -9}, {"lr.warmup.start_factor": 0.35}),
        ("Floor", {"clientY": -18}, {"lr.decay.floor.factor": 0.51}),
    ],
)
def test_a_handle_of_the_curve_changes_its_field(
    label: str, to: dict[str, float], sent: dict[str, float]
) -> None:
    script = """
        const at = { clientX: 100, ...to };
        t.down(t.find(label), 100); t.move(at.clientX, at); t.up(at.clientX, at);
        return t.sent.map(({ kind, fields }) => [kind, fields]);
    """
    assert play(DATA, script, label=label, to=to) == [["fields", sent]]


def test_the_cooldown_is_dragged_where_the_shape_has_one() -> None:
    data = drawn(schedule(decay={"shape": "wsd", "cooldown": 0.5, "floor": {"factor": 0.1}}))
    script = """
        t.down(t.find("Cooldown begins"), 450); t.move(625); t.up(625);
        return t.sent[0].fields;
    """
    assert play(data, script) == {"lr.decay.cooldown": 0.2143}


def test_a_held_edge_meets_another_one_where_an_epoch_is_narrow() -> None:
    data = drawn(schedule({"layer4": [[20, None]], "layer3": [[44, None]]}, epochs=80))
    script = "t.down(t.find('layer3 thaws'), 440); t.move(206, {alt}); t.up(206, {alt})"
    assert windows(script.format(alt="{}"), data) == {"layer3": [[20, None]]}
    assert windows(script.format(alt="{ altKey: true }"), data) == {"layer3": [[21, None]]}


PEAK = "t.down(t.find('layer3 peaks'), 780); t.move(780, {{ {0} }}); t.up(780, {{ {0} }});"


@pytest.mark.parametrize(
    ("to", "scale"),
    [("clientY: 24", 0.02), ("clientY: -24", 2), ("clientY: 24, shiftKey: true", 0.2)],
)
def test_a_groups_own_peak_is_dragged_up_and_down(to: str, scale: float) -> None:
    """From ×0.25, by a factor of ten for 24 px, on the ladder 1, 2, 5 or finely with Shift."""
    script = PEAK.format(to) + "return [t.sent[0].after, t.value('layer3 peaks')];"
    after, shown = play(DATA, script)
    assert after == {"layer3": {"lr_scale": scale}}
    assert shown == scale


def test_peaks_that_are_selected_together_keep_their_proportion() -> None:
    script = """
        for (const name of ["layer4 trains in epochs 2 to 8", "layer3 trains in epochs 4 to 8"]) {
          t.down(t.find(name), 500, { shiftKey: true }); t.up(500); t.settle();
        }
    """
    sent = play(DATA, f"{script}{PEAK.format('clientY: -24')} return t.sent.at(-1).after;")
    assert sent == {"layer3": {"lr_scale": 2}, "layer4": {"lr_scale": 4}}


def test_a_hand_that_goes_sideways_gives_a_group_no_rate_of_its_own() -> None:
    assert play(DATA, PEAK.format("clientX: 790, clientY: 2") + "return t.sent[0].kind;") == "view"


def test_the_tightest_limit_of_the_peaks_holds_for_all() -> None:
    raised = {"layer4": 500.0}
    groups = [
        {**row, "scale": raised.get(row["name"], row["scale"])}
        for row in drawn(schedule())["groups"]
    ]
    script = """
        for (const name of ["layer4 trains in epochs 2 to 8", "layer3 trains in epochs 4 to 8"]) {
          t.down(t.find(name), 500, { shiftKey: true }); t.up(500); t.settle();
        }
    """
    data = {**DATA, "groups": groups}
    sent = play(data, f"{script}{PEAK.format('clientY: -24')} return t.sent.at(-1).after;")
    assert sent == {"layer3": {"lr_scale": 0.5}, "layer4": {"lr_scale": 1000}}
