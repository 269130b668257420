"""Uploads of the hosted demo are unpacked one at a time, and only where there is room for one."""

from __future__ import annotations

import threading
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from core.data import uploads
from core.data.uploads import UnpackProgress, Upload
from core.demo import uploads as upload_turn
from core.demo.limits import LIMITS
from core.demo.uploads import WaitingForTurn
from core.errors import InputError
from tests.data.zips import classes, zipped


@pytest.fixture(autouse=True)
def hosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_DEMO", "1")
    monkeypatch.setenv("THAW_HOME", str(tmp_path))


def pets(*labels: str) -> BytesIO:
    return zipped(classes(*(labels or ("cat", "dog")), images=40))


def test_one_waits_while_another_is_unpacked_and_then_has_its_turn(tmp_path: Path) -> None:
    first = upload_turn.unpack_in_turn(pets(), "first.zip", "s1")
    second = upload_turn.unpack_in_turn(pets("cat", "cow"), "second.zip", "s2")
    assert next(first) == UnpackProgress(0, 80)
    assert next(second) == next(second) == WaitingForTurn()
    assert not (uploads.folder() / "s2").exists()
    *_, made = first
    assert isinstance(made, Upload)
    *_, other = second
    assert isinstance(other, Upload)
    assert (made.folder.parent.name, other.folder.parent.name) == ("s1", "s2")


@pytest.mark.parametrize("end", ["left early", "refused"])
def test_one_that_is_left_early_or_refused_leaves_its_turn_to_the_next(end: str) -> None:
    first = upload_turn.unpack_in_turn(
        pets() if end == "left early" else pets("cat"), "first.zip", "s1"
    )
    assert next(first) == UnpackProgress(0, 80 if end == "left early" else 40)
    if end == "left early":
        first.close()
    else:
        with pytest.raises(InputError, match="images of one class"):
            list(first)
    assert next(upload_turn.unpack_in_turn(pets(), "second.zip", "s2")) == UnpackProgress(0, 80)


def test_one_that_waits_too_long_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = upload_turn.unpack_in_turn(pets(), "first.zip", "s1")
    next(first)
    monkeypatch.setattr(upload_turn, "_PATIENCE", 0.0)
    with pytest.raises(InputError, match=r"^upload has to wait, since .* try again in a few minut"):
        list(upload_turn.unpack_in_turn(pets(), "second.zip", "s2"))
    first.close()


def test_of_two_at_once_no_more_are_taken_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the first one fits, and the one after it does not
    limits = replace(LIMITS, uploads=uploads.limits().unpacked)
    monkeypatch.setattr(upload_turn, "LIMITS", limits)
    outcomes: list[object] = []

    def upload(session: str) -> None:
        try:
            outcomes.append(list(upload_turn.unpack_in_turn(pets(), "x.zip", session))[-1])
        except InputError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=upload, args=(f"s{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(each) for each in outcomes].count(Upload) == 1
    told = {each for each in outcomes if isinstance(each, str)}
    assert told == {
        "upload does not fit into the hosted demo now: try again within the hour, or use the "
        "bundled images"
    }


def test_the_uploads_of_one_visitor_leave_room_for_those_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    *_, made = upload_turn.unpack_in_turn(pets(), "first.zip", "greedy-1")
    assert isinstance(made, Upload)
    limits = replace(LIMITS, uploads=2 * uploads.limits().unpacked)
    monkeypatch.setattr(upload_turn, "LIMITS", limits)
    with pytest.raises(InputError, match="upload does not fit"):
        list(upload_turn.unpack_in_turn(pets("cow", "pig"), "second.zip", "greedy-2"))
    *_, other = upload_turn.unpack_in_turn(pets("cow", "pig"), "second.zip", "other-1")
    assert isinstance(other, Upload)
