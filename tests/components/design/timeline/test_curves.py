from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.schedule import curves
from core.schedule.shapes import DECAYS
from core.schedule.spec import Schedule
from tests.components.design.timeline.bench import drawn, node, schedule

SHAPES: list[dict[str, Any]] = [
    {"shape": name, **({"floor": {"factor": 0.1}} if "floor" in kind.model_fields else {})}
    for name, kind in DECAYS.items()
]


def shares(given: Schedule, name: str, t: Any) -> Any:
    """The group's rate as a share of its peak, as Python computes it."""
    group = given.group(name)
    return curves.lr(given, group, t) / curves.peak(given, group)


def shape_of(given: Schedule, name: str) -> dict[str, Any]:
    floor = given.lr.decay.floor
    return {
        "origin": curves.curve_start(given, given.group(name)),
        "warmup": given.lr.warmup.epochs,
        "start": given.lr.warmup.start_factor,
        "floor": None if floor is None else floor.factor,
    }


@pytest.mark.parametrize("after", ["follow", "restart"])
@pytest.mark.parametrize("decay", SHAPES, ids=lambda decay: decay["shape"])
def test_points_read_at_the_playhead_are_the_rate_to_a_thousandth_of_the_peak(
    decay: dict[str, Any], after: str
) -> None:
    given = schedule(decay=decay, after_unfreeze=after, warmup={"epochs": 1.3, "start_factor": 0.2})
    data = drawn(given)
    t = np.linspace(0, 8, 333)
    read = node(
        "curves.map((points) => t.map((x) => valueAt(points, x)))",
        curves=data["curves"],
        t=t.tolist(),
    )
    for row in data["groups"]:
        expected = shares(given, row["name"], t)
        assert read[row["curve"]] == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_rate_by_epochs_is_read_as_a_staircase() -> None:
    given = schedule(interval="epoch", warmup={"epochs": 3, "start_factor": 0.1})
    data = drawn(given)
    t = [0, 0.99, 1, 1.5, 2.999, 3, 7, 7.999, 8]
    steps = np.minimum(np.floor(t), 7)
    expected = curves.lr(given, given.group("head"), steps) / 1e-3
    points = data["curves"][data["groups"][0]["curve"]]
    read = node("t.map((x) => valueAt(points, x))", points=points, t=t)
    assert read == pytest.approx(expected.tolist(), rel=1e-5)


@pytest.mark.parametrize("rise", ["linear", "cosine"])
@pytest.mark.parametrize("decay", SHAPES, ids=lambda decay: decay["shape"])
def test_the_curve_in_a_drag_is_the_curve_after_it(decay: dict[str, Any], rise: str) -> None:
    """Stretching the old points is what Python then computes for the new warmup and floor."""
    changed = {**decay, "floor": {"factor": 0.4}} if "floor" in decay else decay
    common: dict[str, Any] = {"after_unfreeze": "restart"}
    before = schedule(
        decay=decay, warmup={"epochs": 1, "start_factor": 0.1, "shape": rise}, **common
    )
    after = schedule(
        {"layer3": [[2, None]]},
        decay=changed,
        warmup={"epochs": 2.5, "start_factor": 0.6, "shape": rise},
        **common,
    )
    data = drawn(before)
    row = next(row for row in data["groups"] if row["name"] == "layer3")
    t = np.linspace(0, 8, 161)
    read = node(
        "t.map((x) => valueAt(warp(points, old, now, 8), x))",
        points=data["curves"][row["curve"]],
        t=t.tolist(),
        old=shape_of(before, "layer3"),
        now=shape_of(after, "layer3"),
    )
    expected = shares(after, "layer3", t)
    assert read == pytest.approx(expected.tolist(), abs=4e-3)


@pytest.mark.parametrize("old", [0.3, 1.0])
@pytest.mark.parametrize("after", ["follow", "restart"])
def test_a_cooldown_of_another_length_is_drawn_as_python_does(old: float, after: str) -> None:
    warmup = {"epochs": 1, "start_factor": 0.1}
    before, then = (
        schedule(
            decay={"shape": "wsd", "cooldown": cooldown, "floor": {"lr": 1e-5}},
            warmup=warmup,
            after_unfreeze=after,
        )
        for cooldown in (old, 0.6)
    )
    data = drawn(before)
    t = np.linspace(0, 8, 161)
    for row in data["groups"]:
        peak = curves.peak(before, before.group(row["name"]))
        curve = {"warmup": 1, "start": 0.1, "floor": 1e-5 / peak, "origin": row["origin"]}
        read = node(
            "t.map((x) => valueAt(warp(points, old, now, 8), x))",
            points=data["curves"][row["curve"]],
            t=t.tolist(),
            old={**curve, "cooldown": old},
            now={**curve, "cooldown": 0.6},
        )
        expected = shares(then, row["name"], t)
        assert read == pytest.approx(expected.tolist(), abs=4e-3)


def test_an_absolute_floor_is_drawn_as_the_share_that_it_is_for_each_group() -> None:
    before, then = (
        schedule(decay={"shape": "cosine", "floor": {"lr": floor}}) for floor in (1e-6, 2e-4)
    )
    data = drawn(before)
    t = np.linspace(0, 8, 81)
    read = node(
        "data.groups.map((row) => {"
        " const curve = { ...curveOf(data.fields), floorLr: 2e-4 };"
        " const peak = row.scale * data.base_lr;"
        " const group = { ...row, peak, sentPeak: peak };"
        " return t.map((x) => valueAt(pointsOf({ data, curve }, group), x)); })",
        data=data,
        t=t.tolist(),
    )
    for row, found in zip(data["groups"], read, strict=True):
        expected = shares(then, row["name"], t)
        assert found == pytest.approx(expected.tolist(), abs=4e-3)


def test_the_restart_switch_is_drawn_before_python_answers() -> None:
    before, then = (schedule(after_unfreeze=after) for after in ("follow", "restart"))
    data = drawn(before)
    t = np.linspace(4, 8, 81)
    read = node(
        "(() => { const curve = { ...curveOf(data.fields), afterUnfreeze: 'restart' };"
        " const group = data.groups.find(({ name }) => name === 'layer3');"
        " return t.map((x) => valueAt(pointsOf({ data, curve }, group), x)); })()",
        data=data,
        t=t.tolist(),
    )
    expected = shares(then, "layer3", t)
    assert read == pytest.approx(expected.tolist(), abs=4e-3)


def test_a_rate_climbs_the_ladder_of_1_2_5_and_goes_down_to_0() -> None:
    climb = "[...Array(6)].reduce((found) => [...found, rung(found.at(-1), true, 1e-9)], [0])"
    assert node(climb) == pytest.approx([0, 1e-9, 2e-9, 5e-9, 1e-8, 2e-8, 5e-8])
    assert node("rung(1e-9, false, 1e-9)") == 0
    assert node("[rung(3e-6, true, 1e-9), rung(3e-6, false, 1e-9)]") == pytest.approx([5e-6, 2e-6])


def test_the_cooldown_and_the_epoch_at_which_it_begins_are_inverse() -> None:
    found = node(
        "[0, 0.001, 0.25, 1].map((cooldown) =>"
        " cooldownFrom(coolsAt({ warmup: 2, cooldown }, 10), { warmup: 2 }, 10))"
    )
    assert found == [0.001, 0.001, 0.25, 1]
    assert node("cooldownFrom(0, { warmup: 2 }, 10)") == 1


@pytest.mark.parametrize(
    ("act", "stands_at"), [("factor", 0), ("warmup", 40), ("cooldown", 264), ("floor", 320)]
)
def test_a_handle_of_the_curve_that_takes_the_keyboard_is_brought_into_a_zoomed_view(
    act: str, stands_at: float
) -> None:
    view = [150, 160]
    shown = node(
        "(() => { const timeline = { data: { epochs: 320 }, axis: axisOf(320, 800, view),"
        " span: view, curve: { warmup: 40, cooldown: 0.2 }, repaint: () => {} };"
        " revealAction(timeline, { act }); return timeline.axis; })()",
        act=act,
        view=view,
    )
    assert shown["from"] <= stands_at <= shown["to"]


def test_a_warmup_can_be_drawn_out_of_nothing_and_back() -> None:
    flat = {"origin": 0, "warmup": 0, "start": 0.1, "floor": 0.0}
    risen = {**flat, "warmup": 2}
    line = [0, 1, 8, 0]
    assert node("warp(line, flat, risen, 8)", line=line, flat=flat, risen=risen) == [
        *[0, 0.1],
        *[2, 1],
        *[8, 0],
    ]
    back = node("warp(line, risen, flat, 8)", line=[0, 0.1, 2, 1, 8, 0], flat=flat, risen=risen)
    assert back == line


def test_a_path_starts_at_the_first_point_and_closes_on_the_ground() -> None:
    assert node("path([0, 0.1, 1, 1, 8, 0])") == "M0 0.9L1 0L8 1"
    assert node("path([0, 0.1, 1, 1, 8, 0], true)") == "M0 0.9L1 0L8 1L8 1L0 1Z"


def test_a_rate_above_its_peak_still_fits_the_bar() -> None:
    assert node("path([0, 1, 8, 100])") == "M0 0.99L8 0"


def test_shares_snap_to_two_digits_between_0_and_1() -> None:
    shares = [-0.2, 0, 0.0001, 0.01234, 0.5555, 0.999, 3]
    assert node("shares.map((share) => snapShare(share))", shares=shares) == [
        0,
        0,
        0,
        0.012,
        0.56,
        1,
        1,
    ]
