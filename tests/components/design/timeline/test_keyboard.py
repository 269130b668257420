"""Keys on the timeline."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.design.timeline.bench import drawn, play, schedule

DATA = drawn(schedule(), playhead=1.0)


def windows(script: str, data: Any = DATA) -> Any:
    """The windows of each group that the last event of a script has changed."""
    sent = play(data, f"{script}; t.wait(300); return t.sent.at(-1) ?? null;")
    return sent and {name: group["trainable"] for name, group in sent["after"].items()}


@pytest.mark.parametrize(
    ("key", "start"), [("ArrowRight", 5), ("ArrowLeft", 3), ("PageUp", 6), ("Home", 0)]
)
def test_an_edge_goes_by_epochs(key: str, start: int) -> None:
    data = drawn(schedule({"layer3": [[4, 7]]}))
    assert windows(f"t.key(t.find('layer3 thaws'), '{key}')", data) == {"layer3": [[start, 7]]}


def test_keys_are_one_edit_until_they_pause() -> None:
    script = """
        const thaw = t.find("layer3 thaws");
        for (const _ of [1, 2]) { t.key(thaw, "ArrowRight"); t.wait(100); }
        const early = t.sent.length;
        t.wait(300);
        return [early, t.sent.map(({ after }) => after.layer3.trainable)];
    """
    assert play(DATA, script) == [0, [[[6, None]]]]


def test_escape_takes_back_what_keys_have_not_sent() -> None:
    script = """
        const thaw = t.find("layer3 thaws");
        t.key(thaw, "ArrowRight"); t.key(thaw, "Escape"); t.wait(300);
        return [t.value("layer3 thaws"), t.sent.length];
    """
    assert play(DATA, script) == [4, 0]


def test_a_window_is_removed_split_and_added() -> None:
    bar = "t.find('layer4 trains in epochs 2 to 8')"
    assert windows(f"t.key({bar}, 'Delete')") == {"layer4": []}
    at_5 = drawn(schedule(), playhead=5.0)
    assert windows(f"t.key({bar}, 's')", at_5) == {"layer4": [[2, 5], [6, None]]}
    gap = "t.find('layer3 is frozen in epochs 0 to 4: add a window')"
    assert windows(f"t.key({gap}, 'n')") == {"layer3": [[1, 3], [4, None]]}
    assert windows(f"t.key({gap}, 'Enter')") == {"layer3": [[1, 3], [4, None]]}


def test_several_rows_are_selected_and_moved_by_keys_and_told_aloud() -> None:
    script = """
        t.key(t.find("layer4 thaws"), "ArrowDown", { shiftKey: true });
        t.answer();
        t.key(t.find("layer3 thaws"), "ArrowRight");
        t.wait(300);
        return [Object.keys(t.sent.at(-1).after).sort(), t.text("said")];
    """
    groups, said = play(DATA, script)
    assert groups == ["layer3", "layer4"]
    assert said == "layer4 trains in epochs 3 to 8"  # the slider has said layer3's


def test_the_playhead_goes_from_epoch_to_epoch_and_finely_with_shift() -> None:
    script = """
        const flag = t.find("Playhead");
        t.key(flag, "ArrowRight"); const whole = t.value("Playhead");
        t.key(flag, "ArrowLeft", { shiftKey: true });
        t.wait(300);
        return [whole, t.sent.map(({ view }) => view.playhead)];
    """
    assert play(DATA, script) == [2, [1.95]]


@pytest.mark.parametrize(
    ("label", "key", "sent"),
    [
        ("Warmup ends", "ArrowRight", {"lr.warmup.epochs": 1.5}),
        ("Warmup starts from", "ArrowUp", {"lr.warmup.start_factor": 0.11}),
        ("Floor", "PageUp", {"lr.decay.floor.factor": 0.11}),
    ],
)
def test_a_handle_of_the_curve_goes_by_steps(label: str, key: str, sent: dict[str, float]) -> None:
    script = "t.key(t.find(label), key); t.wait(300); return t.sent.map(({ fields }) => fields);"
    assert play(DATA, script, label=label, key=key) == [sent]


def test_an_absolute_floor_climbs_the_ladder() -> None:
    data = drawn(schedule(decay={"shape": "cosine", "floor": {"lr": 1e-6}}))
    script = "t.key(t.find('Floor'), 'ArrowUp'); t.wait(300); return t.sent[0].fields;"
    assert play(data, script) == {"lr.decay.floor.lr": 2e-6}


@pytest.mark.parametrize(
    ("key", "event", "way"),
    [("z", {}, "undo"), ("z", {"shiftKey": True}, "redo"), ("y", {}, "redo")],
)
def test_undo_and_redo_come_after_what_keys_have_done(
    key: str, event: dict[str, bool], way: str
) -> None:
    script = """
        t.key(t.find("layer3 thaws"), "ArrowRight");
        t.pageKey(key, { ctrlKey: true, ...event });
        t.answer();
        return t.sent.map(({ kind, way }) => [kind, way ?? null]);
    """
    found = play(DATA, script, key=key, event=event)
    assert found == [["groups", None], ["history", way]]


def test_ctrl_z_is_left_to_a_field_in_which_somebody_writes() -> None:
    script = """
        const field = { matches: () => true };
        t.pageKey("z", { ctrlKey: true, composedPath: () => [field] });
        return t.sent.length;
    """
    assert play(DATA, script) == 0


def test_what_takes_the_keyboard_is_brought_into_view() -> None:
    script = """
        t.call({ view: { ...view, span: [0, 3] } });
        t.focus(t.find("layer2 thaws"));
        t.wait(200);
        const [start, end] = t.sent.at(-1).view.span;
        return start <= 6 && 6 <= end && end - start;
    """
    assert play(DATA, script, view=DATA["view"]) == 3


def test_a_cascade_is_shown_before_it_is_applied_and_taken_back_by_escape() -> None:
    script = """
        const thaws = () => ["head", "layer4", "layer3"].map((name) => t.value(`${name} thaws`));
        t.click("cascade");
        const shown = thaws();
        t.pageKey("Escape");
        const back = thaws();
        t.click("cascade"); t.submit();
        return [shown, back, Object.keys(t.sent.at(-1).after).length > 1];
    """
    shown, back, applied = play(DATA, script)
    assert shown != back == [0, 2, 4]
    assert applied


@pytest.mark.parametrize(
    ("key", "event", "scale"),
    [
        ("ArrowUp", {}, 0.5),
        ("ArrowDown", {}, 0.2),
        ("ArrowUp", {"shiftKey": True}, 0.28),
        ("End", {}, 1),
    ],
)
def test_a_groups_own_peak_climbs_the_ladder(
    key: str, event: dict[str, bool], scale: float
) -> None:
    script = """
        t.key(t.find("layer3 peaks"), key, event); t.wait(300);
        const words = t.find("layer3 peaks").getAttribute("aria-valuetext");
        return [t.sent[0].after, words];
    """
    after, words = play(DATA, script, key=key, event=event)
    assert after == {"layer3": {"lr_scale": scale}}
    assert f"×{scale} of the base rate" in words


def test_delete_on_a_peak_removes_no_window() -> None:
    assert windows("t.key(t.find('layer3 peaks'), 'Delete')") is None
