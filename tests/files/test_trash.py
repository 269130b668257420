from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.files import trash


def test_the_trash_lists_what_was_deleted_the_last_first(tmp_path: Path) -> None:
    assert trash.entries(tmp_path) == []
    for name in ("1-a", "20-b-c", "3", "x-d", "-e"):
        (tmp_path / trash.TRASH / name).mkdir(parents=True)
    assert [(each.name, each.moment) for each in trash.entries(tmp_path)] == [("b-c", 20), ("a", 1)]


def test_an_entry_is_expired_after_thirty_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = trash.new_entry(tmp_path, "a")
    entry.path.mkdir(parents=True)
    assert trash.entries(tmp_path) == [entry]
    for days, left in ((29, []), (31, [entry])):
        moment = entry.moment + days * 24 * 3600 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda at=moment: at)
        assert trash.expired(tmp_path) == left
