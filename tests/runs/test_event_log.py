from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs import event_log, run_folder
from core.runs import events as ev


def test_events_come_back_in_order(run):
    told = [ev.Progress("loading"), ev.Step(0, 0, 0.1 + 0.2, {"héad": 1e-3}), ev.Failed("a\nb")]
    for event in told:
        event_log.append(run, event)
    assert event_log.read(run) == (ev.Launched(), *told)


def test_a_torn_last_line_is_passed_over_and_closed_by_the_next_event(run):
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"step": 3, "epo')
    assert event_log.read(run) == (ev.Launched(),)
    event_log.append(run, ev.Finished(1.0))
    assert event_log.read(run) == (ev.Launched(), ev.Finished(1.0))


@given(cut=st.integers(0, 200), junk=st.binary(max_size=40))
def test_whatever_lies_in_the_file_reading_it_never_fails(tmp_path_factory, cut, junk):
    folder = tmp_path_factory.mktemp("junk")
    line = ev.EVENT.dump_json(ev.Step(1, 0, 2.0, {"head": 0.1}))
    (folder / "events.jsonl").write_bytes(line[:cut] + junk + b"\n" + line + b"\n")
    assert event_log.read(folder)[-1] == ev.Step(1, 0, 2.0, {"head": 0.1})


def test_reading_on_from_an_offset_gives_only_what_is_new_and_whole(run):
    first, offset = event_log.read_new(run, 0)
    assert first == (ev.Launched(),)
    assert event_log.read_new(run, offset) == ((), offset)
    with (run / "events.jsonl").open("ab") as file:
        file.write(ev.EVENT.dump_json(ev.Notice("x")) + b"\n" + b'{"half')
    new, later = event_log.read_new(run, offset)
    assert new == (ev.Notice("x"),)
    assert later == (run / "events.jsonl").stat().st_size - len(b'{"half')


STEP, EPOCH = ev.Step(0, 0, 1.0, {"head": 1e-3}), ev.EpochDone(0, (), 9, 1, 0.5, 1, 0.5, 1, 9, 9)


def test_steps_and_progress_are_left_out_without_being_understood(run, monkeypatch):
    for event in (STEP, ev.Progress("loading"), EPOCH, STEP):
        event_log.append(run, event)
    with (run / event_log.EVENTS).open("ab") as file:
        file.write(b'{"event": "progress", "stage": "loading"}\n')  # as Thaw does not write it
    understood, events = [], event_log.ev.EVENT

    class Counted:
        def validate_json(self, line):
            understood.append(line)
            return events.validate_json(line)

    monkeypatch.setattr(event_log.ev, "EVENT", Counted())
    assert event_log.read(run, steps=False) == (ev.Launched(), EPOCH)
    assert len(understood) == 3


def test_the_end_of_a_run_is_read_however_many_steps_came_before(run, monkeypatch):
    monkeypatch.setattr(event_log, "_MAX_BYTES", 2_000)
    for _ in range(50):
        event_log.append(run, STEP)
    for event in (EPOCH, STEP, ev.Finished(1.0)):
        event_log.append(run, event)
    told, offset = event_log.read_new(run, 0)
    assert 5 < told.count(STEP) < 50
    assert told[-2:] == (EPOCH, ev.Finished(1.0))
    assert offset == (run / event_log.EVENTS).stat().st_size
    assert event_log.read(run, steps=False) == (ev.Launched(), EPOCH, ev.Finished(1.0))
    assert run_folder.run_summary(run, run_folder.read(run)[0]).epochs_done == 1
    event_log.append(run, ev.Notice("x"))
    assert event_log.read_new(run, offset)[0] == (ev.Notice("x"),)


def test_of_what_a_stranger_writes_there_is_a_most_that_is_read(run, monkeypatch):
    monkeypatch.setattr(event_log, "_MAX_BYTES", 2_000)
    for _ in range(1_000):
        event_log.append(run, ev.Notice("x"))
    assert len(event_log.read(run)) < 100


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes")
def test_a_pipe_in_place_of_the_events_has_none_and_nobody_waits_for_it(run):
    (run / event_log.EVENTS).unlink()
    os.mkfifo(run / event_log.EVENTS)
    os.mkfifo(run / run_folder.LOG)
    assert event_log.read(run) == event_log.last(run) == ()
    assert run_folder.end_of_log(run) is None
