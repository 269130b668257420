"""What the timeline's tests share: its script run by node, and schedules to draw."""

from __future__ import annotations

import atexit
import json
import random
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from core.files.home import CODE
from core.models.layer_table import find_stored
from core.schedule import parse
from core.schedule.spec import Group, Schedule
from pages.components.design.timeline.bundle import bundle
from pages.components.design.timeline.data import TimelineData, timeline_data

FOLDER = CODE / "pages" / "components" / "design" / "timeline" / "js"
ENTRY = FOLDER / "main.js"
WORKER = Path(__file__).with_name("worker.js")
FAKE_DOM = Path(__file__).with_name("fake_dom.js")


def run_node(*arguments: str, script: str = "") -> str:
    """What node prints; its errors fail the test."""
    program = shutil.which("node")
    assert program, "node is not on the PATH: install Node.js 20 or later to test the timeline"
    done = subprocess.run(
        [program, *arguments],
        input=script,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def _worker() -> subprocess.Popen[str]:
    """A node that has the timeline's script and the fake DOM; it ends with this process."""
    program = shutil.which("node")
    assert program, "node is not on the PATH: install Node.js 20 or later to test the timeline"
    script = re.sub(r"^export (default )?", "", bundle(ENTRY), flags=re.MULTILINE)
    with tempfile.NamedTemporaryFile("w", suffix=".js", encoding="utf-8", delete=False) as file:
        file.write(f"{script}\n{FAKE_DOM.read_text(encoding='utf-8')}")
    command = [program, str(WORKER), file.name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    worker = subprocess.Popen(command, encoding="utf-8", **pipes)
    atexit.register(worker.kill)
    atexit.register(Path(file.name).unlink)
    return worker


def _value(body: str, given: dict[str, Any]) -> Any:
    """Return what a function of that body returns, with `given` in scope; its errors are raised."""
    names = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in given.items())
    worker = _worker()
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{json.dumps(f'(() => {{ {names}{body} }})()')}\n")
    worker.stdin.flush()
    answer = json.loads(worker.stdout.readline())
    assert isinstance(answer, list), answer
    return answer[0]


def node(expression: str, **given: Any) -> Any:
    """The value of a JavaScript expression, with the timeline's functions and `given` in scope."""
    return _value(f"return {expression};", given)


def play(data: TimelineData, script: str, **given: Any) -> Any:
    """Mount the timeline with this data in node, and return what the script returns.

    In scope are `given`, and `t`, the `stage` of fake_dom.js: 800 px of track, and a clock that
    the script turns.
    """
    return _value(f"const t = stage({json.dumps(data)});\n{script}", given)


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


def drawn(given: Schedule, **shown: Any) -> TimelineData:
    """The timeline's data for a schedule, with nothing selected unless `shown` says so."""
    state = {"playhead": 0.0, "selected": None, "problems": (), "revision": 0, **shown}
    for name, value in {"steps_per_epoch": 100, "image_size": 64, "unit": "rate"}.items():
        state.setdefault(name, value)
    return timeline_data(given, find_stored(given.model.name), **state)


def group(windows: list[list[int | None]]) -> Group:
    """A group with these windows, which must be valid ones."""
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
