"""What the card of a run tells those who do not see it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


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
