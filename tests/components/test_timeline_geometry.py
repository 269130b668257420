"""The geometry in timeline.js, run by node, against what Python computes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.design import curves, parse, plan
from core.design.layers import load
from core.design.spec import Group, Schedule
from pages.components.timeline_data import timeline_data

SOURCE = Path(__file__).parents[2] / "pages" / "components" / "timeline.js"
SHAPES: list[dict[str, Any]] = [
    {"shape": "cosine", "floor": {"factor": 0.1}},
    {"shape": "linear", "floor": {"factor": 0.1}},
    {"shape": "wsd", "cooldown": 0.3, "floor": {"factor": 0.1}},
    {"shape": "polynomial", "power": 2.0, "floor": {"factor": 0.1}},
    {"shape": "constant"},
]


def node(expression: str, **given: Any) -> Any:
    """The value of a JavaScript expression, with timeline.js's functions and `given` in scope."""
    program = shutil.which("node")
    assert program, "node is not on the PATH: install Node.js 20 or later to test timeline.js"
    source = SOURCE.read_text(encoding="utf-8")
    names = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in given.items())
    test = f"\n{{{names}console.log(JSON.stringify({expression}));}}"
    done = subprocess.run(
        [program, "--input-type=module", "-"],
        input=source + test,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def schedule(
    windows: dict[str, list[list[int | None]]] | None = None, epochs: int = 8, **lr: Any
) -> Schedule:
    """Six groups of resnet18 with gradual windows; `lr` replaces fields of the curve."""
    gradual: dict[str, list[list[int | None]]] = {
        "stem": [],
        "layer1": [],
        "layer2": [[6, None]],
        "layer3": [[4, None]],
        "layer4": [[2, None]],
        "head": [[0, None]],
    }
    modules = {"stem": ["conv1", "bn1"], "head": ["fc"]}
    curve = {
        "group_decay": 0.5,
        "interval": "step",
        "warmup": {"epochs": 1, "start_factor": 0.1},
        "decay": {"shape": "cosine", "floor": {"factor": 0.01}},
        **lr,
    }
    groups = [
        {"name": name, "modules": modules.get(name, [name]), "trainable": trainable}
        for name, trainable in (gradual | (windows or {})).items()
    ]
    raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": "Gradual unfreezing",
        "model": {"name": "torchvision/resnet18", "weights": "IMAGENET1K_V1"},
        "epochs": epochs,
        "optimizer": {"name": "adam", "base_lr": 1e-3},
        "lr": curve,
        "groups": groups,
    }
    return parse.parse(json.dumps(raw))


def drawn(given: Schedule) -> dict[str, Any]:
    data = timeline_data(
        given,
        load(given.model.name),
        playhead=0.0,
        selected=None,
        problems=(),
        revision=0,
    )
    return dict(data)


def group(windows: list[list[int | None]]) -> Group:
    raw = {"name": "g", "modules": ["m"], "trainable": windows}
    return Group.model_validate_json(json.dumps(raw))


def some_windows(dice: random.Random, epochs: int) -> list[list[int | None]]:
    """Random valid windows: sometimes none, adjoining, open-ended, or past the last epoch."""
    edges = sorted(dice.sample(range(epochs + 3), 2 * dice.randrange(3)))
    windows: list[list[int | None]] = [
        list(pair) for pair in zip(edges[::2], edges[1::2], strict=True)
    ]
    if windows and dice.random() < 0.5:
        windows[-1][1] = None
    if len(windows) == 2 and dice.random() < 0.3:
        windows[1][0] = windows[0][1]
    return windows


DICE = random.Random(7)
CASES = [(some_windows(DICE, 9), 9) for _ in range(60)]


def test_open_epochs_and_gaps_are_those_of_the_plan() -> None:
    found = node(
        "cases.map(([windows, epochs]) => [gaps(windows, epochs),"
        " [...Array(epochs).keys()].map((epoch) => isOpen(windows, epoch))])",
        cases=CASES,
    )
    for (windows, epochs), (gaps, is_open) in zip(CASES, found, strict=True):
        expected = group(windows)
        assert gaps == [list(span) for span in plan.frozen_spans(expected, epochs)]
        assert is_open == [plan.is_open(expected, epoch) for epoch in range(epochs)]


@pytest.mark.parametrize("seed", range(5))
def test_phases_in_a_drag_are_the_phases_that_python_sends(seed: int) -> None:
    dice = random.Random(seed)
    names = ("stem", "layer1", "layer2", "layer3", "layer4", "head")
    data = drawn(schedule({name: some_windows(dice, 8) for name in names}))
    assert node("phasesOf(groups, epochs)", groups=data["groups"], epochs=8) == data["phases"]


def test_an_edge_dragged_anywhere_leaves_valid_windows() -> None:
    dice = random.Random(3)
    drags = [
        (windows, dice.randrange(max(len(windows), 1)), edge, dice.uniform(-5, 15), epochs)
        for windows, epochs in CASES
        for edge in (("start", "end") if windows else ("start",))
    ]
    found = node("drags.map((drag) => withEdge(...drag))", drags=drags)
    assert len(found) > 60
    for windows in found:
        group(windows)


def test_a_bar_dragged_anywhere_keeps_its_length_and_its_order() -> None:
    dice = random.Random(4)
    drags = [
        (windows, dice.randrange(len(windows)), dice.uniform(-12, 12), epochs)
        for windows, epochs in CASES
        if windows
    ]
    found = node("drags.map((drag) => moved(...drag))", drags=drags)
    for (before, index, _, _), after in zip(drags, found, strict=True):
        group(after)
        (old_start, old_end), (start, end) = before[index], after[index]
        assert (old_end is None) == (end is None)
        if old_end is not None:
            assert end - start == old_end - old_start


def test_a_thaw_at_the_last_epoch_takes_an_open_ended_window_away() -> None:
    assert node("withEdge([[2, null]], 0, 'start', 8, 8)") == []
    assert node("withEdge([[0, 2], [4, null]], 1, 'start', 11, 8)") == [[0, 2]]


def test_a_group_that_never_trains_is_pulled_in_from_the_right() -> None:
    assert node("withEdge([], 0, 'start', 5.6, 8)") == [[6, None]]
    assert node("withEdge([], 0, 'start', 8, 8)") == []
    assert node("withEdge([[12, 14]], 0, 'start', 5, 8)") == [[5, 14]]


def test_an_end_at_the_last_epoch_becomes_open() -> None:
    assert node("withEdge([[2, 5]], 0, 'end', 8, 8)") == [[2, None]]
    assert node("withEdge([[2, null]], 0, 'end', 5, 8)") == [[2, 5]]


def test_a_window_stops_at_its_neighbours() -> None:
    windows = [[0, 2], [3, 5], [7, None]]
    assert node("limits(windows, 1, 'start', 9)", windows=windows) == [2, 4]
    assert node("limits(windows, 1, 'end', 9)", windows=windows) == [4, 7]
    assert node("withEdge(windows, 1, 'end', 99, 9)", windows=windows)[1] == [3, 7]
    assert node("moved(windows, 1, -9, 9)", windows=windows)[1] == [2, 4]
    assert node("moved(windows, 1, 9, 9)", windows=windows)[1] == [5, 7]


@pytest.mark.parametrize("width", [338, 704, 1200])
def test_ticks_run_from_0_to_the_last_epoch_without_crowding(width: int) -> None:
    every = [1, 2, 3, 8, 20, 37, 90, 300, 1234, 10_000]
    found = node("every.map((epochs) => ticks(epochs, width))", every=every, width=width)
    for epochs, ticks in zip(every, found, strict=True):
        assert (ticks[0], ticks[-1]) == (0, epochs)
        steps = np.diff(ticks)
        assert np.all(steps > 0)
        assert np.all(steps[:-1] == steps[0])
        assert np.all(steps / epochs * width >= 33) or len(ticks) == 2
        assert len(ticks) <= width / 33 + 1


def test_eight_epochs_are_all_labelled_on_a_desk_and_every_second_one_on_a_phone() -> None:
    assert node("ticks(8, 704)") == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert node("ticks(8, 338)") == [0, 2, 4, 6, 8]


def test_pixels_and_epochs_are_inverse_within_the_run() -> None:
    epochs = [0, 0.5, 3, 7.25, 8]
    back = node("epochs.map((e) => epochOfX(xOfEpoch(e, 704, 8), 704, 8))", epochs=epochs)
    assert back == pytest.approx(epochs)
    assert node("[epochOfX(-40, 704, 8), epochOfX(900, 704, 8)]") == [0, 8]


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
        expected = curves.lr(given, given.group(row["name"]), t) / row["peak"]
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


def shape_of(given: Schedule, name: str) -> dict[str, Any]:
    floor = getattr(given.lr.decay, "floor", None)
    return {
        "origin": curves.origin(given, given.group(name)),
        "warmup": given.lr.warmup.epochs,
        "start": given.lr.warmup.start_factor,
        "floor": None if floor is None else floor.factor,
    }


@pytest.mark.parametrize("rise", ["linear", "cosine"])
@pytest.mark.parametrize("decay", SHAPES, ids=lambda decay: decay["shape"])
def test_the_curve_in_a_drag_is_the_curve_after_it(decay: dict[str, Any], rise: str) -> None:
    """Stretching the old points is what Python then computes for the new warmup and floor."""
    changed = decay if decay["shape"] == "constant" else {**decay, "floor": {"factor": 0.4}}
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
    expected = curves.lr(after, after.group("layer3"), t) / row["peak"]
    assert read == pytest.approx(expected.tolist(), abs=4e-3)


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


def test_the_strip_says_what_the_plan_and_the_layer_table_say() -> None:
    data = drawn(schedule())
    state = node("stateAt(groups, 8, 4.6, 8)", groups=data["groups"])
    assert state["phase"] == 3
    assert state["open"] == ["head", "layer4", "layer3"]
    assert state["trainable"] == 11_006_440
    assert state["total"] == 11_689_512
    assert node("formatBytes(bytes)", bytes=state["state"]) == "88.1 MB"


def test_a_group_that_froze_again_keeps_its_optimizer_state() -> None:
    data = drawn(schedule({"layer4": [[0, 2]]}))
    state = node("stateAt(groups, 8, 3, 8)", groups=data["groups"])
    assert state["trainable"] == 513_000
    assert state["state"] == 8 * (513_000 + 8_393_728)


def test_without_a_layer_table_the_strip_has_no_counts() -> None:
    given = timeline_data(schedule(), None, playhead=0, selected=None, problems=(), revision=0)
    state = node("stateAt(groups, 8, 8, 8)", groups=given["groups"])
    assert (state["trainable"], state["total"], state["state"]) == (None, None, None)
    assert state["phase"] == 4


def test_a_path_starts_at_the_first_point_and_closes_on_the_ground() -> None:
    assert node("path([0, 0.1, 1, 1, 8, 0])") == "M0 0.9L1 0L8 1"
    assert node("path([0, 0.1, 1, 1, 8, 0], true)") == "M0 0.9L1 0L8 1L8 1L0 1Z"


def test_a_rate_above_its_peak_still_fits_the_bar() -> None:
    assert node("path([0, 1, 8, 100])") == "M0 0.99L8 0"


def test_numbers_are_written_as_in_the_rest_of_the_page() -> None:
    written = {
        "formatRate(4.81e-4)": "4.8e-4",
        "formatRate(1e-3)": "1.0e-3",
        "formatRate(0)": "0",
        "formatScale(1)": "×1",
        "formatScale(0.03125)": "×0.03125",
        "formatScale(1e-5)": "×1e-5",
        "formatScale(0)": "×0",
        "formatBytes(6.156e6)": "6.2 MB",
        "formatBytes(1.07e8)": "107 MB",
        "formatBytes(0)": "0 B",
        "formatBytes(999_960_000)": "1.0 GB",
        "formatShare(1)": "100%",
        "formatShare(0.6246)": "62%",
        "formatShare(0.0362)": "3.6%",
        "formatShare(0.0002)": "<0.1%",
        "formatShare(0)": "0%",
        "formatCount(11006440)": "11,006,440",
    }
    assert node(f"[{', '.join(written)}]") == list(written.values())


def test_shares_snap_to_two_digits_between_0_and_1() -> None:
    shares = [-0.2, 0, 0.0001, 0.01234, 0.5555, 0.999, 3]
    assert node("shares.map(snapShare)", shares=shares) == [0, 0, 0, 0.012, 0.56, 1, 1]


def test_a_problems_path_names_its_window() -> None:
    paths = ["groups[3].trainable[1]", "groups[0].trainable", "lr.warmup.epochs"]
    assert node("paths.map(windowOfPath)", paths=paths) == [1, 0, 0]


def test_other_peoples_names_are_never_read_as_markup() -> None:
    source = SOURCE.read_text(encoding="utf-8")
    assert "textContent" in source
    for door in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert door not in source
