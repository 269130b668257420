from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.models import layer_table, table_cache
from core.models.layer_table import LayerTable, TableNode

NAME = "timm/resnet34"


def made(name: str = NAME) -> LayerTable:
    return layer_table.load("torchvision/resnet18").model_copy(update={"model": name})


def test_a_stored_table_is_found_without_a_cache():
    assert table_cache.find("torchvision/resnet18", None) is layer_table.load(
        "torchvision/resnet18"
    )
    assert layer_table.find_stored(NAME) is None
    assert table_cache.find(NAME, None) is None


def test_a_kept_table_is_found_again_and_leaves_no_other_file(tmp_path: Path):
    cache = tmp_path / "new" / "tables"
    assert table_cache.find(NAME, cache) is None
    table_cache.store(made(), cache)
    assert table_cache.find(NAME, cache) == made()
    assert len(list(cache.iterdir())) == 1


def test_a_table_that_is_kept_anew_replaces_the_old_one(tmp_path: Path):
    table_cache.store(made(), tmp_path)
    assert table_cache.find(NAME, tmp_path) == made()
    other = made().model_copy(update={"nodes": (TableNode("x", "", (), 0, 1),)})
    table_cache.store(other, tmp_path)
    (file,) = tmp_path.iterdir()
    os.utime(file, ns=(1, 1))  # clocks of file systems may be too coarse for two writes
    assert table_cache.find(NAME, tmp_path) == other


@pytest.mark.parametrize("broken", ["", "{", '{"model":"x"}', "\ud800"])
def test_a_broken_file_counts_as_none(tmp_path: Path, broken: str):
    table_cache.store(made(), tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text(broken, encoding="utf-8", errors="surrogatepass")
    assert table_cache.find(NAME, tmp_path) is None


def test_a_file_with_another_models_table_counts_as_none(tmp_path: Path):
    table_cache.store(made(), tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text(layer_table.dumps(made("timm/resnet50d")), encoding="utf-8")
    assert table_cache.find(NAME, tmp_path) is None


def test_another_version_of_the_library_has_its_own_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    table_cache.store(made(), tmp_path)
    monkeypatch.setattr(table_cache, "version", lambda library: f"{library}-next")
    assert table_cache.find(NAME, tmp_path) is None


def test_a_name_that_no_library_has_is_looked_for_nowhere(tmp_path: Path):
    table_cache.store(made("timm/../x"), tmp_path)
    assert table_cache.find("timm/../x", tmp_path) is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    table_cache.store(made(), blocked / "tables")
    table_cache.store(made(), None)
    assert table_cache.find(NAME, blocked / "tables") is None


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert table_cache.cache_folder() == tmp_path / "thaw" / "tables"
