"""A file of phases is read alike here and in a process of its own, which waits for no pattern."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core import presets
from core.errors import InputError
from core.export import phases, reading
from core.models import layer_table

ROOT = Path(__file__).parents[2]
TABLE = layer_table.load("torchvision/resnet18")
EXERCISE = presets.load("exercise")
FILE = b"""\
0:
  params: ['model.fc.*']
  max_transition_epoch: 3
1:
  params: ['model.layer4.*']
  max_transition_epoch: 6
  lr: 0.0001
"""


def test_phases_read_apart_are_the_same_schedule() -> None:
    assert reading.apart(FILE, EXERCISE, TABLE) == phases.read(FILE, EXERCISE, TABLE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"0: {params: [zzz], max_transition_epoch: 3}",
        b"\xff\xfe\xfa",
        FILE.replace(b"lr", b"rate"),
        FILE.replace(b"lr: 0.0001", b"new_optimizer: {}\n  new_lr_scheduler: {init_pg_lrs: [1]}"),
        b"#" * 262_145,
    ],
)
def test_what_is_refused_here_is_refused_there_in_the_same_words(content: bytes) -> None:
    with pytest.raises(InputError) as here:
        phases.read(content, EXERCISE, TABLE)
    with pytest.raises(InputError) as there:
        reading.apart(content, EXERCISE, TABLE)
    assert str(there.value) == str(here.value)
    assert [*map(str, there.value.problems)] == [*map(str, here.value.problems)]


def test_a_pattern_that_takes_forever_is_refused_and_the_next_file_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endless = FILE.replace(b"model.fc.*", rb"(\w*\w*\.?)*!")
    with monkeypatch.context() as soon:
        soon.setattr(reading, "_SECONDS", 3)
        with pytest.raises(InputError, match=r"^the file could not be read in 3 s: simplify its"):
            reading.apart(endless, EXERCISE, TABLE)
    assert reading.apart(FILE, EXERCISE, TABLE).epochs == 6


def test_the_command_line_waits_for_no_pattern_either(tmp_path: Path) -> None:
    endless = tmp_path / "phases.yaml"
    endless.write_bytes(FILE.replace(b"model.fc.*", rb"(\w*\w*\.?)*!"))
    soon = "from core.cli.app import cli; from core.export import reading; "
    code = f"{soon}reading._SECONDS = 2; cli(['import', {str(endless)!r}, '--onto', 'exercise'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("error: the file could not be read in 2 s: simplify its patterns\n")
