"""What the Audit card says in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import presets
from core.runs import events as ev
from core.runs.progress import RunProgress
from core.runs.settings import RunSettings
from core.runs.steps import StepColumns
from core.schedule import curves, plan
from pages.components.run.audit_card import items, largest_error

SCHEDULE = presets.load("gradual")
EXACT = RunSettings()
STARTED = ev.Started(0.0, "cpu", "CPU", 2, 4, 4, ("a", "b"), 10, 0.5)
AUDIT = ev.Audit(12, 0.0, True, (ev.FrozenSpan("stem", 0, 6, True),))


def _said(told: RunProgress, settings: RunSettings = EXACT) -> dict[str, tuple[str, str]]:
    found = items(SCHEDULE, settings, told, largest_error(SCHEDULE, told))
    return {title: (mark, text) for mark, title, text in found}


def _step(step: int, factor: float = 1.0) -> ev.Step:
    t = curves.time_of_step(SCHEDULE, step, 2)
    lrs = {g.name: float(curves.lr(SCHEDULE, g, t)) * factor for g in SCHEDULE.groups}
    return ev.Step(step, step // 2, 1.0, lrs)


def test_before_the_first_step_nothing_is_claimed() -> None:
    assert {mark for mark, _ in _said(RunProgress()).values()} == {"open"}


def test_a_run_that_broke_off_says_of_each_promise_that_it_was_not_checked() -> None:
    failed = RunProgress(failed=ev.Failed("the weights are not on this machine"))
    found = list(items(SCHEDULE, EXACT, failed, 0.0, live=False))
    assert {mark for mark, _, _ in found} == {"note"}
    assert all("not checked" in text.lower() for _, _, text in found)
    began = RunProgress(started=STARTED, steps=StepColumns().with_more([_step(0), _step(1)]))
    marks = [mark for mark, _, _ in items(SCHEDULE, EXACT, began, 0.0, live=False)]
    assert marks == ["yes", "note", "note"]


def test_one_frozen_span_is_called_one() -> None:
    few = SCHEDULE.model_copy(update={"groups": SCHEDULE.groups[-2:]})
    assert [len(plan.frozen_spans(group, few.epochs)) for group in few.groups] == [1, 0]
    said = [text for _, _, text in items(few, EXACT, RunProgress(), 0.0)]
    assert any("1 frozen span," in text for text in said)


def test_rates_are_compared_while_the_run_goes() -> None:
    told = RunProgress(started=STARTED, steps=StepColumns().with_more([_step(0), _step(1)]))
    mark, text = _said(told)["Rates equal the plan"]
    assert mark == "yes"
    assert text.startswith("2 steps")


@pytest.mark.parametrize("factor", [1 + 1e-9, 0.5, 2.0])
def test_a_rate_that_differs_is_said_so_at_once(factor: float) -> None:
    told = RunProgress(started=STARTED, steps=StepColumns().with_more([_step(0), _step(1, factor)]))
    assert _said(told)["Rates differ from the plan"][0] == "no"


def test_a_group_that_moved_while_frozen_is_named() -> None:
    audit = replace(AUDIT, spans=(ev.FrozenSpan("stem", 0, 6, False),))
    mark, text = _said(RunProgress(started=STARTED, audit=audit))["A frozen group moved"]
    assert mark == "no"
    assert "stem 0–6" in text


def test_statistics_that_were_told_to_move_are_not_called_identical() -> None:
    audit = replace(AUDIT, spans=(ev.FrozenSpan("stem", 0, 6, True, buffers=False),))
    _, text = _said(RunProgress(started=STARTED, audit=audit))["Frozen groups did not move"]
    assert "buffers are bit-identical" not in text
    assert "statistics moved on" in text


def test_a_cache_that_was_off_says_why() -> None:
    told = RunProgress(caches=(ev.CacheDecision(0, False, "--cache is off"),))
    assert _said(told)["No cache was used"] == ("yes", "“Frozen-part cache” is off")


def test_a_cache_that_was_on_says_what_it_was_predicted_to_save_and_what_it_took() -> None:
    told = RunProgress(
        started=STARTED,
        forecast=ev.Forecast((4.0, 17.0), 21.0, 94.0),
        caches=(ev.CacheDecision(0, True, "", 10),),
        epochs=(ev.EpochDone(0, ("head",), 10, 1.0, 0.5, 1.0, 0.5, 23.0, 4.0, 100),),
    )
    mark, text = _said(told)["The cache changes nothing"]
    assert mark == "yes"
    assert all(predicted in text for predicted in ("21 s", "1 min 34 s"))
    assert "23 s" not in text  # which the run has taken so far
    _, text = _said(replace(told, audit=AUDIT))["The cache changes nothing"]
    assert all(fact in text for fact in ("21 s", "1 min 34 s", "23 s"))


def test_a_fast_run_claims_no_bits_and_says_how_far_off_it_is() -> None:
    fast = RunSettings(precision="fast")
    told = RunProgress(started=STARTED, caches=(ev.CacheDecision(0, True, "", 10),))
    assert "The cache changes nothing" not in _said(told, fast)
    for error, share in ((0.0034, "at most 0.3%"), (1e-6, "less than 0.1%")):
        audited = replace(told, audit=replace(AUDIT, precision_error=error))
        assert share in _said(audited, fast)["Fast arithmetic"][1]
        assert share in _said(audited, RunSettings(autocast="bf16"))["Autocast to bf16"][1]
