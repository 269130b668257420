from __future__ import annotations

from pathlib import Path

import pytest

from core.data.bundled import BUNDLED_DATA
from core.data.image_folder import count_classes


def folders(at: Path, *names: str) -> Path:
    for name in names:
        (at / name).mkdir(parents=True)
    return at


def test_the_bundled_data_has_ten_classes():
    assert count_classes(BUNDLED_DATA) == 10


def test_a_folder_has_a_class_per_folder_that_is_not_hidden(tmp_path: Path):
    folders(tmp_path, "cat", "dog", "owl", ".git")
    (tmp_path / "read.me").write_text("")
    assert count_classes(str(tmp_path)) == 3


def test_folders_that_are_added_are_counted(tmp_path: Path):
    assert count_classes(str(folders(tmp_path, "cat", "dog"))) == 2
    assert count_classes(str(folders(tmp_path, "owl"))) == 3


def test_given_splits_are_counted_by_what_trains(tmp_path: Path):
    folders(tmp_path, "train/a", "train/b", "train/c", "val/a", "val/b")
    assert count_classes(str(tmp_path)) == 3


@pytest.mark.parametrize("name", ["nowhere", "file", "one", "\0"])
def test_what_is_no_data_has_no_classes(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    folders(tmp_path, "one/cat")
    assert count_classes(f"{tmp_path}/{name}") is None
