"""The exported script calls timm's own train.py, on a few images."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.data.zips import png
from tests.export.trainers.running import ROOT
from tests.export.trainers.test_timm import EXACT, STEPS, errors, made, schedule_for

TRAIN_PY = os.environ.get("THAW_TIMM_TRAIN", "")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(not TRAIN_PY, reason="THAW_TIMM_TRAIN does not name timm's train.py"),
]
BATCH = 2
OPTIONS = (
    "--num-classes 2 --smoothing 0 --device cpu --workers 0 --input-size 3 32 32 --no-prefetcher"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, with an epoch of five steps."""
    folder = tmp_path_factory.mktemp("data")
    for part in ("train", "val"):
        for name in ("a", "b"):
            (folder / part / name).mkdir(parents=True)
            for at in range(STEPS * BATCH // 2):
                (folder / part / name / f"{at}.png").write_bytes(png(at))
    return folder


@pytest.mark.parametrize("changed", EXACT)
def test_train_py_has_thaws_rates_at_every_step(
    changed: dict[str, Any], data: Path, tmp_path: Path
):
    untrained = {"name": "timm/resnet18", "weights": None}
    schedule = schedule_for("timm/resnet18", model=untrained, **changed)
    record = tmp_path / "record.json"
    run = [sys.executable, "-m", "tests.export.trainers.in_timm", str(record), TRAIN_PY]
    text = made(schedule).content
    assert isinstance(text, str)
    script = tmp_path / "train.sh"
    script.write_text(text.replace("python train.py", shlex.join(run)), encoding="utf-8")
    options = ["--data-dir", str(data), "--batch-size", str(BATCH), "--output", str(tmp_path)]
    done = subprocess.run(
        ["/bin/sh", str(script), *options, *OPTIONS.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert max(errors(schedule, json.loads(record.read_text(encoding="utf-8"))).values()) <= 1e-12
