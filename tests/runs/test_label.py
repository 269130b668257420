"""A run's own name and note: kept in its folder, bounded, and never what could steer a terminal."""

from __future__ import annotations

import pytest

from core.errors import InputError
from core.runs import label, run_folder
from core.runs.label import MAX_NOTE, Label


def test_a_label_is_read_as_it_was_written_without_the_blanks_around_it(run):
    assert label.read(run) == Label()
    label.write(run, "  Seed 3 ", "\nlower rates\nand no warmup \n")
    assert label.read(run) == Label(name="Seed 3", note="lower rates\nand no warmup")
    label.write(run, "", "")
    assert label.read(run) == Label()


@pytest.mark.parametrize(
    ("name", "note", "told"),
    [
        ("a\x1b[31m", "", "name is "),
        ("\u202egnp", "", "name is "),
        ("\u2060", "", "name is "),
        ("a" * 81, "", "name has 81 characters: shorten it to at most 80"),
        ("", "a\rb", "note is "),
        ("", "a\x00b", "note is "),
        ("", "\u2066a", "note is "),
        ("", "a" * (MAX_NOTE + 1), "note has 501 characters: shorten it to at most 500"),
    ],
)
def test_what_no_name_may_have_is_refused_and_changes_nothing(run, name, note, told):
    label.write(run, "Mine", "as it was")
    with pytest.raises(InputError) as refused:
        label.write(run, name, note)
    assert str(refused.value).startswith(told)
    assert label.read(run) == Label(name="Mine", note="as it was")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"name": 3}', '{"name": "\\u001b"}', '{"name": "a", "more": 1}', "[" * 9999],
)
def test_a_strange_label_counts_as_none(run, content):
    (run / label.LABEL).write_text(content)
    assert label.read(run) == Label()


def test_a_label_replaces_a_link_and_leaves_what_that_led_to(run, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    (run / label.LABEL).symlink_to(other)
    label.write(run, "Seed 3", "")
    assert other.read_text() == "mine"
    assert label.read(run).name == "Seed 3"


def test_a_run_that_is_gone_is_told(run):
    run.rename(run.with_name("elsewhere"))
    with pytest.raises(InputError, match=r"^run is 'run', where nothing can be written"):
        label.write(run, "Seed 3", "")


def test_a_label_moves_nothing_else_of_the_run(run):
    before = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    when = (run / run_folder.SCHEDULE).stat().st_mtime_ns
    label.write(run, "Seed 3", "note")
    assert {path: path.read_bytes() for path in before} == before
    assert (run / run_folder.SCHEDULE).stat().st_mtime_ns == when
    assert {path.name for path in run.iterdir()} == {p.name for p in before} | {label.LABEL}


def test_a_note_that_was_pasted_from_a_table_has_blanks_for_its_tabs(run):
    assert label.write(run, "", "lr\t1e-3\nepochs\t6").note == "lr 1e-3\nepochs 6"


def test_a_change_of_one_field_keeps_the_others(run):
    label.write(run, "Seed 3", "as before")
    assert label.change(run, starred=True) == Label(name="Seed 3", note="as before", starred=True)
    assert label.change(run, note="") == Label(name="Seed 3", starred=True)
