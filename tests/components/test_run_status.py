"""What the card of a run says: of Resume, and to those who do not see it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import checkpoint_files, folder
from core.runs import events as ev
from core.runs.digest import Digest
from pages.components import run_status
from tests.pages.drawn import html


def test_what_resume_does_is_told_by_the_checkpoints_that_there_are(tmp_path: Path) -> None:
    epoch = ev.EpochDone(0, ("head",), 10, 1.0, 0.5, 1.0, 0.5, 1.0, 10.0, 0)
    told = Digest(epochs=(epoch,))  # which is told before its checkpoint is written
    anew = run_status._advice("stopped", told, tmp_path)
    assert anew.endswith(run_status._ANEW)
    checkpoints = tmp_path / folder.CHECKPOINTS
    checkpoints.mkdir()
    (checkpoints / checkpoint_files.name(1, "0" * checkpoint_files.DIGEST)).touch()
    assert run_status._advice("stopped", told, tmp_path).endswith(run_status._RESUME)


def script(status: str) -> None:
    from pathlib import Path

    from core.design import presets
    from core.runs.digest import digest
    from core.runs.settings import RunSettings
    from pages.components.run_status import status_card

    status_card(presets.load("gradual"), RunSettings(), status, digest([]), Path("no-such-run"))


@pytest.mark.parametrize(
    ("status", "said"), [("running", "Training"), ("finished", "Finished"), ("stopped", "Stopped")]
)
def test_how_the_run_stands_is_said_without_its_numbers(status: str, said: str) -> None:
    app = AppTest.from_function(script, default_timeout=120, kwargs={"status": status}).run()
    assert re.findall(r'role="status"[^>]*>([^<]*)<', html(app)) == [said]
