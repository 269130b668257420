"""The events that the browser sends, and the answers of Python that it takes up."""

from __future__ import annotations

from typing import Any

from tests.components.design.timeline.bench import drawn, node, play, schedule

CURVE = {
    "warmup": 1,
    "start": 0.1,
    "floor": 0.01,
    "floorLr": None,
    "cooldown": None,
    "afterUnfreeze": "follow",
}
DATA = drawn(schedule(), playhead=1.0)
DRAG = """
const thaw = t.find("layer3 thaws");
const drag = (from, to) => { t.down(thaw, from); t.move(to); t.up(to); };
"""


def edit(before: dict[str, Any], after: dict[str, Any]) -> Any:
    """The event for windows of groups."""
    return node(
        "groupsEvent({ windows: new Map(Object.entries(after)), scales: new Map() },"
        " { windows: new Map(Object.entries(before)), scales: new Map() })",
        before=before,
        after=after,
    )


def test_only_groups_whose_windows_were_changed_are_told_and_what_they_were() -> None:
    before = {"head": [[0, None]], "layer4": [[2, None]], "layer3": [], "stem": []}
    after = {**before, "layer4": [[3, None]], "stem": [[6, None]]}
    assert edit(before, after) == {
        "kind": "groups",
        "after": {"layer4": {"trainable": [[3, None]]}, "stem": {"trainable": [[6, None]]}},
        "before": {"layer4": {"trainable": [[2, None]]}, "stem": {"trainable": []}},
    }
    assert edit(before, before) is None


def test_a_group_may_have_any_name() -> None:
    found = edit({"constructor": [], "1": [[0, 2]]}, {"constructor": [[1, 2]], "1": [[0, 2]]})
    assert found["after"] == {"constructor": {"trainable": [[1, 2]]}}


def test_only_the_fields_of_the_curve_that_were_changed_are_told() -> None:
    for change, sent in (
        ({"warmup": 2.5}, {"lr.warmup.epochs": 2.5}),
        ({"start": 0.2}, {"lr.warmup.start_factor": 0.2}),
        ({"floor": 0}, {"lr.decay.floor.factor": 0}),
        ({"floorLr": 1e-6}, {"lr.decay.floor.lr": 1e-6}),
        ({"cooldown": 0.3}, {"lr.decay.cooldown": 0.3}),
        ({"afterUnfreeze": "restart"}, {"lr.after_unfreeze": "restart"}),
    ):
        found = node("fieldsEvent({ curve }, { curve: was })", was=CURVE, curve={**CURVE, **change})
        assert found == {"kind": "fields", "fields": sent}
    assert node("fieldsEvent({ curve }, { curve })", curve=CURVE) is None


def test_the_next_edit_waits_for_the_answer_to_the_one_before() -> None:
    sent = play(
        DATA,
        DRAG
        + """
        drag(400, 500);
        drag(500, 600);
        const early = t.sent.length;
        t.answer();
        return [early, ...t.sent.map(({ seq, after }) => [seq, after.layer3.trainable[0][0]])];
        """,
    )
    assert sent == [1, [1, 5], [2, 6]]


def test_an_event_without_an_answer_is_sent_again_and_nothing_else_is() -> None:
    script = DRAG + "drag(400, 500); drag(500, 600); t.wait(5500); return t.sent;"
    first, again = play(DATA, script)
    assert first == again


def test_a_server_that_was_started_again_is_told_what_comes_next() -> None:
    script = (
        DRAG
        + """
        drag(400, 500); t.answer();
        t.call({ ack: 0 });
        drag(400, 600);
        return t.sent.map(({ seq }) => seq);
    """
    )
    assert play(DATA, script) == [1, 1]


def test_data_from_before_an_edit_do_not_take_it_back() -> None:
    script = DRAG + "drag(400, 500); t.call({ revision: 1 }); return t.value('layer3 thaws');"
    assert play(DATA, script) == 5


def test_a_refused_edit_is_drawn_over() -> None:
    script = DRAG + "drag(400, 500); t.answer(); return t.value('layer3 thaws');"
    assert play(DATA, script) == 4


def test_new_data_wait_until_the_hand_lets_go() -> None:
    moved = drawn(schedule({"layer4": [[1, None]]}))["groups"]
    sent = play(
        DATA,
        """
        const thaw = t.find("layer3 thaws");
        t.down(thaw, 400); t.move(500);
        t.call({ groups, revision: 1 });
        const under = t.value("layer4 thaws");
        t.up(500);
        const { after } = t.sent[0];
        t.answer({ groups });
        return [under, t.value("layer4 thaws"), Object.keys(after)];
        """,
        groups=moved,
    )
    assert sent == [2, 1, ["layer3"]]


def test_what_is_looked_at_is_told_once_and_an_echo_of_it_undoes_nothing() -> None:
    script = """
        const flag = t.find("Playhead");
        const drag = (from, to) => { t.down(flag, from); t.move(to); t.up(to); };
        const echo = (playhead) => t.answer({ view: { ...view, playhead } });
        drag(100, 300);
        drag(300, 400);
        echo(3);
        const between = t.value("Playhead");
        echo(4);
        t.wait(1000);
        const told = t.sent.map(({ kind, view }) => [kind, view.playhead]);
        return [told, between, t.value("Playhead")];
    """
    shown = play(DATA, script, view=DATA["view"])
    assert shown == [[["view", 3], ["view", 4]], 4, 4]


def test_what_python_changes_of_the_view_is_taken_over() -> None:
    shown = play(
        DATA,
        """
        t.call({ view });
        t.wait(1000);
        const bar = t.find("layer3 trains in epochs 4 to 8");
        const span = t.find("Part of the run that is shown").getAttribute("aria-valuetext");
        return [t.value("Playhead"), bar.getAttribute("aria-pressed"), span, t.sent.length];
        """,
        view={
            "playhead": 5,
            "selected": {"group": "layer3", "window": 0},
            "span": [2, 6],
            "folded": [],
            "narrow": False,
        },
    )
    assert shown == [5, "true", "epochs 2 to 6 of 8", 0]


def test_that_the_timeline_is_narrow_is_told_once_it_rests() -> None:
    sent = play(DATA, "browser.width = 350; t.call({}); t.wait(200); t.wait(1000); return t.sent;")
    assert sent == [{"kind": "view", "seq": 1, "view": {"narrow": True}}]


def test_the_node_says_which_event_is_painted_and_nothing_while_one_is_under_way() -> None:
    script = (
        DRAG
        + """
        const painted = () => t.root().dataset.painted;
        const seen = [painted()];
        drag(400, 500); seen.push(painted());
        t.answer(); seen.push(painted());
        t.click("cascade"); seen.push(painted());  // of which nothing is told before it is applied
        t.submit(); seen.push(painted());
        return seen;
    """
    )
    assert play(DATA, script) == [0, "", 1, 1, ""]
