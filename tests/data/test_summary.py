"""A look at the data: what is counted, what is shown of it, and what is said to be odd."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.data import summary as looks
from core.data import uploads
from core.data.bundled import BUNDLED_DATA
from core.data.summary import ClassCount, ImageSizes, Sample, every_nth, fingerprint, summarize_data
from core.errors import DataError
from tests.data.zips import png


def fill(folder: Path, name: str, images: int, size: tuple[int, int] = (8, 8)) -> None:
    (folder / name).mkdir(parents=True)
    for number in range(images):
        (folder / name / f"{number:03}.png").write_bytes(png(number, size))


def test_classes_are_counted_as_a_run_splits_them(tmp_path: Path) -> None:
    fill(tmp_path, "cat", 10)
    fill(tmp_path, "dog", 4, (30, 20))
    seen = summarize_data(str(tmp_path))
    assert seen.classes == (ClassCount("cat", 8, 2), ClassCount("dog", 3, 1))
    assert (seen.train, seen.validation, seen.brings_validation) == (11, 3, False)
    assert seen.sizes == ImageSizes((8, 8), (30, 20), 14)


def test_given_splits_are_said_to_be_given(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            fill(tmp_path / split, name, 3)
    seen = summarize_data(str(tmp_path))
    assert (seen.train, seen.validation, seen.brings_validation) == (6, 6, True)
    assert seen.samples[0] == Sample("train/cat/000.png", 0)


def test_the_bundled_data_is_looked_at_like_any_other() -> None:
    seen = summarize_data(BUNDLED_DATA)
    assert (seen.train, seen.validation, len(seen.classes)) == (2_000, 1_000, 10)
    assert {picture.label for picture in seen.samples} == set(range(10))
    assert seen.sizes == ImageSizes((28, 28), (28, 28), 1)
    assert seen.warnings == ()


def test_few_files_of_very_many_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(uploads.limits(), members=799)
    monkeypatch.setattr(uploads, "limits", lambda: few)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(400):
            (tmp_path / name / f"{number}.png").touch()
    opened: list[Path] = []

    def counted(path: Path) -> Image.Image:
        opened.append(path)
        return Image.new("L", (5, 5))

    monkeypatch.setattr(looks, "open_image", counted)
    assert summarize_data(str(tmp_path)).train == 640
    assert len(opened) == len(set(opened)) == 200


@pytest.mark.parametrize("classes", [2, 3, 23, 24, 25, 60])
def test_every_class_is_shown_as_far_as_there_is_room(tmp_path: Path, classes: int) -> None:
    for number in range(classes):
        fill(tmp_path, f"class {number:02}", 2 + number % 3)
    samples = summarize_data(str(tmp_path)).samples
    assert len({picture.label for picture in samples}) == min(classes, 24)
    assert len(set(samples)) == len(samples) <= 24
    assert all((tmp_path / picture.name).is_file() for picture in samples)


def test_what_is_odd_is_said_with_its_figures(tmp_path: Path) -> None:
    for split, counts in (("train", (60, 1, 12)), ("val", (6, 2, 0))):
        for name, images in zip(("cat", "dog", "hen"), counts, strict=True):
            if images:
                fill(tmp_path / split, name, images)
    (tmp_path / "train" / "cat" / "000.png").write_text("no image")
    seen = summarize_data(str(tmp_path))
    lone, unseen, unbalanced, few = seen.warnings
    assert (seen.left_out, seen.skipped) == ((("train/cat/000.png", "not an image"),), 1)
    assert lone.startswith("Class dog with fewer than 2 training images")
    assert unseen.startswith("Class hen without validation images")
    assert "cat has 59 training images, dog 1, 59 times fewer" in unbalanced
    assert "cat alone is 82% of all" in unbalanced
    assert few == "8 validation images: each counts for 12.5% of the accuracy."


def test_what_a_run_would_refuse_is_refused_here(tmp_path: Path) -> None:
    fill(tmp_path, "only", 3)
    with pytest.raises(DataError, match="one class folder, 'only'"):
        summarize_data(str(tmp_path))
    with pytest.raises(DataError, match="does not exist"):
        summarize_data(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="no such home folder"):
        summarize_data("~nosuchuser/x")


def test_the_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    fill(tmp_path / "train", "cat", 2)
    before = fingerprint(str(tmp_path))
    assert fingerprint(str(tmp_path)) == before
    (tmp_path / "train" / "cat" / "more.png").touch()
    assert fingerprint(str(tmp_path)) != before
    assert fingerprint(str(tmp_path / "nowhere")) == fingerprint("~nosuchuser/x") == ()


@given(items=st.lists(st.integers(), unique=True, max_size=60), most=st.integers(1, 70))
def test_what_is_spread_is_in_order_and_as_much_as_there_is_room_for(
    items: list[int], most: int
) -> None:
    taken = every_nth(items, most)
    assert len(taken) == min(most, len(items))
    places = [items.index(item) for item in taken]
    assert places == sorted(set(places))


@pytest.mark.parametrize("place", ["class", "image"])
def test_a_name_that_no_run_could_write_down_is_refused_before_it_runs(
    tmp_path: Path, place: str
) -> None:
    for name in ("cat", "dog"):
        fill(tmp_path, name, 3)
    odd = os.fsdecode(b"caf\xe9")  # Latin-1, as old archives have it
    cat = tmp_path / "cat"
    try:
        if place == "class":
            cat.rename(tmp_path / odd)
        else:
            (cat / "000.png").rename(cat / f"{odd}.png")
    except (OSError, UnicodeError):
        pytest.skip("this file system has UTF-8 names only")
    with pytest.raises(DataError, match=r"caf\\udce9.* is not UTF-8: give it another name"):
        summarize_data(str(tmp_path))


def test_a_folder_that_may_be_listed_but_not_entered_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "cat", 3)

    def closed(path: Path) -> bool:
        if path.name == "cat":
            raise PermissionError(13, "Permission denied")
        return True

    monkeypatch.setattr(Path, "is_dir", closed)
    with pytest.raises(DataError, match="cannot be read"):
        summarize_data(str(tmp_path))
