"""What the card of a run says: of Resume, and to those who do not see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.runs import events as ev
from core.runs.digest import Digest
from pages.components import run_status


@pytest.mark.parametrize("finished", [0, 1])
def test_what_resume_does_is_told_by_what_was_finished(finished: int, tmp_path: Path) -> None:
    epoch = ev.EpochDone(0, ("head",), 10, 1.0, 0.5, 1.0, 0.5, 1.0, 10.0, 0)
    advice = run_status._advice("stopped", Digest(epochs=(epoch,) * finished), tmp_path)
    assert ("continues after the last finished epoch" in advice) == bool(finished)
    assert ("starts again from the first" in advice) != bool(finished)


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
    assert not app.exception, app.exception
    parts = [part.proto.body for part in app.get("html") if 'role="status"' in part.proto.body]
    assert parts == [f'<p class="thaw-unseen" role="status">{said}</p>']
