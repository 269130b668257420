"""The Compare page without a browser: its slots, its sources, its figures, and the library."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core import library, presets
from core.compare.align import group_rows
from core.compare.comparable import Comparable
from core.errors import InputError
from core.files.home import CODE
from core.models import layer_table
from core.records.io import record_json
from core.runs import label, run_folder
from core.runs.description import describe
from core.runs.processes import launch
from core.runs.repeats import trial_of
from core.runs.results import run_results
from core.runs.settings import RunSettings
from core.schedule import edits, link
from core.schedule.parse import dumps
from core.schedule.spec import Schedule
from pages.components.compare import (
    figures,
    markdown,
    metrics,
    rates_card,
    repeat,
    verdict_card,
    windows_card,
)
from pages.components.compare.conditions import setting_conflicts, setting_differences
from pages.components.compare.slots import LETTERS, Slot
from pages.components.run import estimate as run_estimate
from pages.components.shared import runs_in_turn
from pages.components.shared.chart_style import View, rate_domain
from pages.components.shared.history import History
from pages.components.shared.state import session_in
from tests.pages.drawn import without_styles
from tests.records.samples import recorded_of, records
from tests.runs.made import SETTINGS, finished_run
from tests.sample import stairs
from tests.schedule.strategies import real_schedules, schedules

GRADUAL = presets.load("gradual")
STAIRS = stairs()
HEAD_ONLY = presets.load("head-only")


def script() -> None:
    import streamlit as st

    from pages import compare, design
    from pages.components.shared import frame

    frame.dress()
    frame.navigate(
        {
            "compare": st.Page(compare.page, title="Compare", url_path="compare", default=True),
            "design": st.Page(design.page, title="Design", url_path="design"),
        }
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.delenv("THAW_DEMO", raising=False)
    return tmp_path


@pytest.fixture
def app(home: Path) -> AppTest:
    return AppTest.from_function(script, default_timeout=120).run()


def box(app: AppTest, letter: str) -> object:
    (found,) = [each for each in app.selectbox if each.label == f"Schedule {letter}"]
    return found


def remove(app: AppTest, place: int) -> None:
    app.button(key=f"remove-slot-{place}").click().run()
    assert not app.exception, app.exception


def choose(app: AppTest, letter: str, source: str) -> AppTest:
    box(app, letter).set_value(source).run()  # type: ignore[attr-defined]
    assert not app.exception, app.exception
    return app


def charts(app: AppTest) -> int:
    return len(app.get("vega_lite_chart"))


def compared(app: AppTest) -> list[str]:
    return session_in(app.session_state).compare.slots


def test_alone_the_page_says_what_to_do_and_a_suggestion_does_it(app: AppTest) -> None:
    assert "Choose another one as **B**" in app.markdown[0].value
    app.button(key="suggest-preset:head-only").click().run()
    assert compared(app) == ["now", "preset:head-only"]
    assert "What B does differently" in without_styles(app)


def test_two_schedules_show_when_their_groups_train_and_what_differs(app: AppTest) -> None:
    session_in(app.session_state).history = History.start(STAIRS)
    drawn = without_styles(choose(app.run(), "B", "preset:discriminative"))
    assert "<b>stage4</b> thaws 2 epochs earlier" in drawn
    assert "from 2 → all the time, share of learning 51% → 100%" in drawn
    assert "<b>stem</b> now trains" in drawn
    assert "<b>Alike:</b> tf_efficientnet_lite0, 6 epochs, Adam" in drawn
    assert drawn.count("never trains") == 2
    assert 'aria-label="When each group trains"' in drawn


def test_a_schedule_is_compared_with_itself_without_a_difference(app: AppTest) -> None:
    drawn = without_styles(choose(app, "B", "preset:gradual"))
    assert "0 differences" in drawn
    assert "the two are the same schedule" in drawn


def test_a_name_alone_is_told_as_the_only_difference(app: AppTest) -> None:
    session_in(app.session_state).history = History.start(edits.set_field(GRADUAL, "name", "Mine"))
    assert "Name Mine → Gradual unfreezing" in without_styles(
        choose(app.run(), "B", "preset:gradual")
    )


def test_swapping_turns_the_comparison_round(app: AppTest) -> None:
    session_in(app.session_state).history = History.start(STAIRS)
    choose(app.run(), "B", "preset:discriminative")
    app.button(key="swap").click().run()
    assert compared(app) == ["preset:discriminative", "now"]
    assert "<b>stem</b> no longer trains" in without_styles(app)


def paste(app: AppTest, text: str) -> AppTest:
    (field,) = [each for each in app.text_input if each.label == "A share link"]
    field.set_value(text).run()
    assert not app.exception, app.exception
    return app


def test_up_to_four_are_compared_each_with_the_first_also_of_another_model(app: AppTest) -> None:
    choose(app, "B", "preset:discriminative")
    app.button(key="add-slot").click().run()
    choose(app, "C", "preset:head-only")
    paste(app, link.encode(presets.load("exercise")))
    drawn = without_styles(app)
    for letter in "BCD":
        assert f"What {letter} does differently" in drawn
    assert not any(button.key == "add-slot" for button in app.button)
    assert "not in this schedule" in drawn
    assert "Model tf_efficientnet_lite0 → resnet18" in drawn


def test_a_preset_is_compared_on_the_model_that_is_in_design(app: AppTest) -> None:
    resnet = edits.use_model(GRADUAL, layer_table.load("torchvision/resnet18"))
    session_in(app.session_state).history = History.start(resnet)
    drawn = without_styles(choose(app.run(), "B", "preset:discriminative"))
    assert "<b>layer4</b> thaws" in drawn
    assert "Model " not in drawn
    assert "<b>Alike:</b> resnet18" in drawn


def test_emptying_a_slot_moves_the_others_up(app: AppTest) -> None:
    choose(app, "B", "preset:discriminative")
    app.button(key="add-slot").click().run()
    choose(app, "C", "preset:head-only")
    remove(app, 1)
    assert compared(app) == ["now", "preset:head-only"]
    remove(app, 0)
    assert compared(app) == ["preset:head-only"]
    remove(app, 0)
    assert compared(app) == ["now"]
    assert not [button for button in app.button if (button.key or "").startswith("remove-slot")]


@pytest.mark.parametrize(
    "before",
    ["", "https://thaw.example/?s=", "http://x/design?a=1&s=", "http://x/?embed_options=dark&s="],
)
def test_a_pasted_link_is_compared(app: AppTest, before: str) -> None:
    paste(app, before + link.encode(HEAD_ONLY))
    assert compared(app) == ["now", "own:0"]
    assert "<b>stage4</b> no longer trains" in without_styles(app)
    assert box(app, "B").options[1] == "Head only · link"  # type: ignore[attr-defined]


def test_a_link_that_is_none_is_refused_in_words(app: AppTest) -> None:
    paste(app, "https://thaw.example/?s=nonsense")
    assert compared(app) == ["now"]
    assert "the link" in app.toast[0].value


def test_the_address_may_bring_the_schedule_that_is_compared(home: Path) -> None:
    app = AppTest.from_function(script, default_timeout=120)
    app.query_params["s"] = link.encode(HEAD_ONLY)
    assert "<b>stage4</b> now trains" not in without_styles(app.run())
    assert "Head only · now in Design" in box(app, "A").options[0]  # type: ignore[attr-defined]


def bring(app: AppTest, name: str, text: str) -> AppTest:
    app.file_uploader[0].upload(name, text.encode()).run()
    assert not app.exception, app.exception
    return app


def test_a_file_is_compared(app: AppTest) -> None:
    longer = edits.set_field(GRADUAL, "epochs", 9)
    assert "Run 6 → 9 epochs" in without_styles(bring(app, "mine.json", dumps(longer)))
    assert box(app, "B").options[1] == "Gradual unfreezing · file"  # type: ignore[attr-defined]


def test_phases_of_finetuning_scheduler_are_compared_and_refused_in_words(app: AppTest) -> None:
    phases = "0: {params: [%s], max_transition_epoch: 4}"
    bring(app, "phases.yaml", phases % "model.nothing.*")
    assert "matches no parameter of" in app.toast[0].value
    assert compared(app) == ["now"]
    drawn = without_styles(bring(app, "phases.yaml", phases % "model.classifier.*"))
    assert "<b>stage4</b> no longer trains" in drawn
    assert "Run 6 → 4 epochs" in drawn
    assert box(app, "B").options[1].endswith("· finetuning-scheduler")  # type: ignore[attr-defined]


def test_a_record_of_a_loop_is_compared_and_says_what_it_does_not_know(app: AppTest) -> None:
    late = edits.set_windows(GRADUAL, {"stage4": [[3, None]]})
    record = record_json(recorded_of(late, 31), "<b>My</b> loop")
    drawn = without_styles(bring(app, "my-loop.json", record))
    assert "<b>stage4</b> thaws 1 epoch later" in drawn
    assert "<b>Alike:</b> 6 epochs, Adam, head" in drawn
    assert drawn.count("not recorded") == 3
    assert "<small>5e-3</small>" in drawn  # peaks, since no base rate is recorded
    assert "A record has no model" in drawn
    assert "<b>My</b>" not in drawn
    assert charts(app) == 7  # the groups that train
    assert box(app, "B").options[1] == "<b>My</b> loop · record"  # type: ignore[attr-defined]
    assert not any(button.key == "use-B" for button in app.button)


def test_a_loop_that_does_as_the_schedule_says_differs_in_nothing_that_is_recorded(
    app: AppTest,
) -> None:
    drawn = without_styles(
        bring(app, "my-loop.json", record_json(recorded_of(GRADUAL, 31), "My loop"))
    )
    assert "0 differences" in drawn
    assert "groups, epochs, optimizer, and rates to 1e-12" in drawn


def test_side_by_side_draws_a_chart_for_each_schedule(app: AppTest) -> None:
    choose(app, "B", "preset:discriminative")
    assert charts(app) == 7
    (view,) = [each for each in app.get("button_group") if each.proto.id.endswith("compare-view")]
    view.set_value("side by side").run()
    assert not app.exception
    assert charts(app) == 2


def test_where_nothing_trains_the_axes_still_have_ends() -> None:
    never = edits.set_windows(HEAD_ONLY, {group.name: [] for group in HEAD_ONLY.groups})
    slots = [slot("A", never), slot("B", never)]
    table = rates_card.all_rates(slots, group_rows([never, never]))
    assert table.empty
    for scale in ("log", "linear"):
        assert rate_domain(table["y"], View(dark=False, scale=scale)) == (0.0, 1.0)


def test_runs_bring_their_metrics_and_their_summary(home: Path) -> None:
    first = finished_run(home, "one", edits.set_field(GRADUAL, "epochs", 2), [0.5, 0.75])
    second = finished_run(home, "two", edits.set_field(HEAD_ONLY, "epochs", 2), [0.5, 0.7])
    app = AppTest.from_function(script, default_timeout=120).run()
    choose(choose(app, "A", first), "B", second)
    drawn = without_styles(app)
    assert "<td>75.0%" in drawn
    assert "kept" in drawn
    assert charts(app) == 2 + 2  # head and conv_head train; accuracy by epoch and by seconds
    assert drawn.count("thaw-panel-empty") == 5
    assert "How the runs went" in drawn


# The verdict


def test_the_page_begins_with_the_verdict_and_what_it_rests_on(home: Path) -> None:
    first, second = (
        finished_run(home, name, GRADUAL, [share], images=400, predicts=True)
        for name, share in (("one", 0.75), ("two", 0.6))
    )
    app = AppTest.from_function(script, default_timeout=120)
    session_in(app.session_state).compare.slots = [first, second]
    drawn = without_styles(app.run())
    assert drawn.index("A is better than B by 15.0 points") < drawn.index("thaw-bars")
    assert "On the same 400 validation images, 60 are right with A only and 0 with B only" in drawn
    assert "McNemar" in drawn
    assert "<b>75.0%</b>" in drawn
    assert "400 validation images of 32 px, seed 0" in drawn


def ran(home: Path, letter: str, share: float, images: int, **settings: Any) -> Slot:
    """A run of the images of which it is right on that share, in a slot."""
    run = home / "runs" / f"{letter}-{share}-{images}"
    kind = RunSettings(**settings)
    if not run.exists():
        options: dict[str, Any] = {"images": images, "settings": kind, "predicts": True}
        finished_run(home, run.name, GRADUAL, [share], **options)
    trial = trial_of(run)
    assert trial is not None
    trials = (replace(trial, seed=kind.seed),)
    return replace(slot(letter, GRADUAL), settings=kind, run=run, trials=trials)


def headings(*slots: Slot) -> list[str]:
    return [heading for heading, _ in verdict_card.verdicts(slots)]


def test_each_schedule_has_a_verdict_against_the_first(home: Path) -> None:
    best, worse, close = (
        ran(home, "A", 0.9, 400),
        ran(home, "B", 0.6, 400),
        ran(home, "C", 0.89, 400),
    )
    assert headings(best, worse, close) == [
        "A is better than B by 30.0 points",
        "A and C, the same schedule, differ by no more than noise",
    ]
    another = replace(close, plan=HEAD_ONLY)
    assert headings(best, another) == ["A and C differ by no more than noise"]
    assert headings(best, slot("B", HEAD_ONLY)) == ["B has no finished run to compare"]
    assert headings(slot("A", GRADUAL), slot("B", HEAD_ONLY)) == ["Not run yet"]


def test_differing_data_images_and_seeds_come_first_and_forbid_a_verdict(home: Path) -> None:
    one = ran(home, "A", 0.75, 400)
    two = ran(home, "B", 0.75, 8, validation_samples=8, seed=1, batch_size=8, samples=500)
    ((heading, reasons),) = verdict_card.verdicts([one, two])
    assert heading == "The results of A and B cannot be compared"
    named = "validation images, training images, seed and batch size"
    assert reasons == f"The runs differ in {named}."
    assert [line.text for line in setting_differences(one, two)] == [
        "validation images 400 → 8",
        "training images 1,000 → 500",
        "seed 0 → 1",
        "batch size 32 → 8",
    ]


def test_what_may_be_the_cause_is_named_beside_the_verdict(home: Path) -> None:
    one, two = ran(home, "A", 0.75, 400), ran(home, "B", 0.5, 400, batch_size=8)
    ((_, reasons),) = verdict_card.verdicts([one, two])
    assert "The runs differ in batch size. That may be the cause." in reasons


def test_a_schedule_shows_the_runs_that_it_has_with_the_settings_of_the_other(home: Path) -> None:
    one = finished_run(home, "one", GRADUAL, [0.75], images=400, predicts=True)
    for seed in range(3):
        own = SETTINGS.model_copy(update={"seed": seed})
        share = 0.5 + seed / 100
        finished_run(home, f"h{seed}", HEAD_ONLY, [share], images=400, settings=own, predicts=True)
    app = AppTest.from_function(script, default_timeout=120)
    session_in(app.session_state).compare.slots = [one, "preset:head-only"]
    drawn = without_styles(app.run())
    assert "A is better than B by 24.0 points" in drawn
    assert "3 seeds: 50.0% to 52.0%" in drawn
    assert "seeds 0, 1 and 2" in drawn


def test_five_differences_are_shown_and_the_rest_behind_their_number(app: AppTest) -> None:
    choose(app, "B", "preset:ulmfit")
    drawn = without_styles(app)
    card = drawn[drawn.index("What B does differently") :]
    (count,) = re.findall(r"<span>(\d+) differences</span>", card)
    shown, behind = card.split("<details")
    assert shown.count("<li>") == 5
    assert f"<summary>{int(count) - 5} more</summary>" in behind
    assert behind.split("</details>")[0].count("<li>") == int(count) - 5


def test_much_faster_rates_are_named_and_the_schedule_at_the_others_rate_is_offered(
    app: AppTest,
) -> None:
    fast = edits.set_field(presets.load("discriminative"), "optimizer.base_lr", 0.006)
    bring(app, "mine.json", dumps(fast))
    (text,) = [each.value for each in app.markdown if "on average" in each.value]
    assert re.search(r"\*\*B\*\* trains \d\S* times as fast as \*\*A\*\* on average", text)
    assert "try **A** at B’s rate" in text
    app.button(key="same-rate-B").click().run()
    assert not app.exception
    assert compared(app) == ["now", "own:0", "own:1"]
    tried = [each for each in box(app, "C").options if "rates as in" in each]  # type: ignore[attr-defined]
    assert tried == ["Gradual unfreezing, rates as in Discriminative rates · at another rate"]
    assert not any("on average" in each.value for each in app.markdown)


def test_of_other_seeds_on_both_sides_no_more_than_it_takes_are_missing(home: Path) -> None:
    one, two = ran(home, "A", 0.75, 8, seed=5), ran(home, "B", 0.75, 8, seed=2)
    missing = [(each.letter, seed) for each, seed in repeat.missing_seeds([one, two], 3)]
    assert missing == [("A", 2), ("B", 5), ("A", 0), ("B", 0)]
    assert repeat.missing_seeds([one, two], 1) == [(one, 2)]


def test_repeating_starts_the_seeds_that_are_missing_one_after_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, int]] = []

    def start(schedule: Schedule, settings: RunSettings, root: Path) -> str:
        started.append((schedule.name, settings.seed))
        return "run"

    monkeypatch.setattr(launch, "start", start)
    monkeypatch.setattr(run_estimate, "run_device", lambda _: ("cpu", "CPU"))
    one = finished_run(home, "one", GRADUAL, [0.75], predicts=True)
    app = AppTest.from_function(script, default_timeout=120)
    session_in(app.session_state).compare.slots = [one, "preset:head-only"]
    app.run()
    assert any("5 runs, one after another" in each.value for each in app.caption)
    app.button(key="repeat").click().run()
    runs_in_turn.runs_in_turn().join()
    assert started == [
        (HEAD_ONLY.name, 0),
        (GRADUAL.name, 1),
        (HEAD_ONLY.name, 1),
        (GRADUAL.name, 2),
        (HEAD_ONLY.name, 2),
    ]


def test_a_run_without_an_epoch_is_compared_and_says_so(home: Path) -> None:
    new = finished_run(home, "new", GRADUAL, [])
    old = finished_run(home, "old", HEAD_ONLY, [0.5, 0.75])
    app = AppTest.from_function(script, default_timeout=120).run()
    assert "How the runs went" in without_styles(choose(app, "B", new))
    assert "No epoch is over yet." in [each.value for each in app.caption]
    choose(app, "A", old)
    assert "No epoch is over yet." not in [each.value for each in app.caption]


def test_the_metrics_are_by_epoch_and_by_seconds(home: Path) -> None:
    source = finished_run(home, "one", GRADUAL, [0.5, 0.75])
    found = run_results(home / "runs" / source.removeprefix("run:"))
    table = metrics.metric_table({"A": found}, "accuracy")
    assert table[["epoch", "seconds", "y"]].to_numpy().tolist() == [[1, 2.0, 0.5], [2, 5.0, 0.75]]
    assert metrics.metric_table({"A": found}, "loss")["y"].tolist() == [1.5, 1.25]
    assert table["last"].tolist() == [False, True]


def test_two_runs_of_one_name_and_minute_are_told_apart(home: Path) -> None:
    runs = [
        finished_run(home, name, GRADUAL, [share]) for name, share in (("a1", 0.5), ("b2", 0.75))
    ]
    app = AppTest.from_function(script, default_timeout=120).run()
    options = box(app, "B").options  # type: ignore[attr-defined]
    assert len(set(options)) == len(options)
    for run in runs:
        assert compared(choose(app, "B", run)) == ["now", run]


def test_a_run_is_told_by_its_result_and_data_in_the_selector_its_slot_and_the_markdown(
    home: Path,
) -> None:
    source = finished_run(home, "one", GRADUAL, [0.9, 0.75])
    run = home / "runs" / "one"
    app = choose(AppTest.from_function(script, default_timeout=120).run(), "B", source)
    line = describe(run).line
    assert line.startswith("75.0% · today ")
    assert line.endswith(" · 40 × 32 px, Fashion-MNIST")
    assert f"Gradual unfreezing · {line}" in box(app, "B").options  # type: ignore[attr-defined]
    assert f"B</i> {line}</span>" in without_styles(app)
    (text,) = [each.value for each in app.code if each.language == "markdown"]
    assert "40 images to train, 20 to validate, 32 × 32 px" in text
    assert "today" not in text


def test_a_compared_run_that_is_renamed_stays_in_its_slot_and_shows_the_new_name(
    home: Path,
) -> None:
    source = finished_run(home, "one", GRADUAL, [0.5])
    app = choose(AppTest.from_function(script, default_timeout=120).run(), "B", source)
    key = box(app, "B").key  # type: ignore[attr-defined]
    label.write(home / "runs" / "one", "Seed 3", "")
    app.run()
    assert box(app, "B").key != key  # type: ignore[attr-defined]
    assert box(app, "B").value == source  # type: ignore[attr-defined]
    assert compared(app) == ["now", source]
    told = [each for each in box(app, "B").options if each.startswith("Seed 3 · ")]  # type: ignore[attr-defined]
    assert [each.endswith(" · Gradual unfreezing") for each in told] == [True]


def test_a_run_that_is_compared_stays_when_many_newer_ones_come(home: Path) -> None:
    old = finished_run(home, "old", GRADUAL, [0.5])
    app = choose(AppTest.from_function(script, default_timeout=120).run(), "B", old)
    schedule = home / "runs" / "old" / run_folder.SCHEDULE
    os.utime(schedule, (1e9, 1e9))
    for at in range(31):
        new = home / "runs" / f"new{at}"
        new.mkdir()
        (new / run_folder.SCHEDULE).write_text(dumps(HEAD_ONLY), encoding="utf-8")
    app.run()
    assert compared(app) == ["now", old]
    assert box(app, "B").value == old  # type: ignore[attr-defined]


def test_a_source_that_is_gone_leaves_its_slot_and_the_page_says_so(
    app: AppTest, home: Path
) -> None:
    file, _ = library.save(home / "library", HEAD_ONLY)
    choose(app.run(), "B", f"library:{file}")
    (home / "library" / file).unlink()
    app.run()
    assert compared(app) == ["now"]
    said = app.toast[0].value.replace("\\", "")
    assert said.startswith("Taken out of the comparison: library has no 'head-only-")


def slot(letter: str, plan: Comparable) -> Slot:
    return Slot(letter, "own:0", plan, "file", RunSettings())


@settings(max_examples=25)
@given(st.lists(st.one_of(schedules(), real_schedules(), records()), min_size=2, max_size=4))
def test_any_schedules_and_records_have_their_figures_rates_and_words(
    several: list[Comparable],
) -> None:
    slots = [slot(*pair) for pair in zip(LETTERS, several, strict=False)]
    lines = figures.lines(slots, {})
    assert {len(line.cells) for line in lines} == {len(slots)}
    text = markdown.markdown(slots, lines)
    assert text.count("does differently than A") == len(slots) - 1
    rows = group_rows(several)
    table = rates_card.all_rates(slots, rows)
    assert set(table["letter"]) <= {each.letter for each in slots}
    assert table["row"].between(0, len(rows) - 1).all()
    for scale in rates_card.SCALES:
        drawn = windows_card.rate_bars(slots, rows, scale).html
        assert drawn.count('role="row"') == 1 + len(rows) * (1 + len(slots))


@pytest.mark.parametrize("scale", rates_card.SCALES)
def test_bars_of_lower_rates_are_lower_and_paler_on_one_scale(scale: Any) -> None:
    slow = edits.set_field(HEAD_ONLY, "optimizer.base_lr", HEAD_ONLY.optimizer.base_lr / 64)
    slots = [slot("A", HEAD_ONLY), slot("B", slow)]
    drawn = windows_card.rate_bars(slots, group_rows([HEAD_ONLY, slow]), scale)
    assert drawn.top == pytest.approx(HEAD_ONLY.optimizer.base_lr, rel=0.01)
    fast, late = (int(tint) for tint in re.findall(r"--tint:(\d+)%", drawn.html))
    assert fast == windows_card._STRONGEST  # at the rate that the card names
    assert fast > late + 10
    tops = [
        min(float(y) for y in re.findall(r"% ([\d.]+)%", line)[1:-1])
        for line in re.findall(r"polygon\((.*?)\)", drawn.html)
    ]
    assert tops[0] < tops[1] - 10


def test_a_line_of_rates_is_drawn_where_the_group_trains_and_only_there() -> None:
    slots = [slot("A", STAIRS), slot("B", HEAD_ONLY)]
    rows = group_rows([STAIRS, HEAD_ONLY])
    table = rates_card.all_rates(slots, rows)
    names = [row[0].name for row in rows if row[0] is not None]
    stage4 = table[table["row"] == names.index("stage4")]
    assert set(stage4["letter"]) == {"A"}
    assert stage4["x"].min() == 2.0
    assert stage4["x"].max() == STAIRS.epochs
    assert rates_card.agreement(rows[names.index("stem")], [STAIRS, HEAD_ONLY]) == "never trains"


def figures_of(*slots: Slot) -> dict[str, tuple[figures.Cell, ...]]:
    """The figures of runs by title."""
    results = {each.letter: run_results(each.run) for each in slots if each.run}
    return {line.title: line.cells for line in figures.lines(slots, results)}


def test_bold_is_what_is_best_beyond_the_noise_and_nothing_where_all_are_equal(
    home: Path,
) -> None:
    lines = figures_of(ran(home, "A", 0.75, 400), ran(home, "B", 0.6, 400))
    assert [cell.best for cell in lines["Validation accuracy"]] == [True, False]
    assert [cell.text for cell in lines["Audit"]] == ["kept", "kept"]
    for title in ("Time", "Peak memory", "Validation loss"):
        assert [cell.best for cell in lines[title]] == [False, False]
    few = figures_of(ran(home, "A", 0.75, 8), ran(home, "B", 0.5, 8))
    assert [cell.best for cell in few["Validation accuracy"]] == [False, False]


def test_a_run_that_was_stopped_early_is_not_the_fastest(home: Path) -> None:
    slots = [ran(home, "A", 0.75, 400), ran(home, "B", 0.6, 400)]
    results = {each.letter: run_results(each.run) for each in slots if each.run}
    for status, fastest in (("finished", True), ("stopped", False)):
        half = tuple(replace(done, seconds=done.seconds / 2) for done in results["A"].epochs)
        results["B"] = replace(results["B"], epochs=half, status=status)
        lines = {line.title: line.cells for line in figures.lines(slots, results)}
        assert [cell.best for cell in lines["Time"]] == [False, fastest]


def test_nothing_is_the_best_between_runs_on_other_images_which_the_page_says(home: Path) -> None:
    def shown(**second: Any) -> tuple[list[bool], str]:
        slots = [ran(home, "A", 0.75, 400), ran(home, "B", 0.6, 400, **second)]
        cells = figures_of(*slots)["Validation accuracy"]
        return [cell.best for cell in cells], setting_conflicts(slots)

    assert shown() == ([True, False], "")
    assert shown(batch_size=8) == ([True, False], "The runs differ in batch size.")
    assert shown(image_size=32, seed=1) == (
        [False, False],
        "The runs differ in image size and seed.",
    )


def test_compute_is_told_in_epochs_and_as_a_share() -> None:
    table = layer_table.load("torchvision/resnet18")
    raw = edits.use_model(presets.load("exercise-mended"), table)
    every = edits.set_windows(raw, {g.name: [[0, None]] for g in raw.groups})
    every = edits.set_field(every, "epochs", 4)
    lines = {line.title: line.cells for line in figures.lines([slot("A", every)] * 2, {})}
    cell = lines["Compute, without"][0]
    assert (cell.text, cell.remark) == ("100%", "4.0 epochs")
    # 11,689,512 with the 1,000 classes of ImageNet; the bundled data has 10
    assert lines["Trainable, at the end"][0].text == "11.18 M"


def test_a_schedule_has_the_heads_of_the_data_that_it_is_run_on(tmp_path: Path) -> None:
    for name in ("cats", "dogs", "owls"):
        (tmp_path / name).mkdir()
    schedule = presets.load("exercise")
    settings = RunSettings(data=str(tmp_path))
    three = Slot("A", "run:x", schedule, "run", settings).table
    assert three is not None
    assert three.parameters == 11_689_512 - 513_000 + 3 * 513


# The library


def on_design(home: Path) -> AppTest:
    app = AppTest.from_file(str(CODE / "app.py"), default_timeout=120)
    return app.run()


def named(home: Path) -> list[str]:
    return sorted(entry.name for entry in library.read_all(home / "library")[0])


def test_the_file_menu_saves_opens_and_asks_before_it_replaces(home: Path) -> None:
    app = on_design(home)
    app.button(key="library-save").click().run()
    assert named(home) == [GRADUAL.name]
    assert app.button(key="library-saved").disabled
    app.number_input(key="field:epochs").set_value(9).run()
    app.button(key="library-replace").click().run()
    (entry,) = library.read_all(home / "library")[0]
    assert entry.schedule.epochs == 9
    assert session_in(app.session_state).library.trashed[-1][1] == "replaced"
    app.number_input(key="field:epochs").set_value(5).run()
    app.selectbox(key="library-open-0").set_value(entry.file).run()
    assert session_in(app.session_state).schedule == entry.schedule
    app.button(key="undo").click().run()
    assert session_in(app.session_state).schedule.epochs == 5


def test_the_list_compares_renames_duplicates_deletes_and_brings_back(
    app: AppTest, home: Path
) -> None:
    library.save(home / "library", HEAD_ONLY)
    app.run().button(key="entry-0").click().run()
    app.button(key="entry-compare").click().run()
    assert compared(app)[1].startswith("library:")
    name = "../Heads *and* <b>tails</b>"
    app.text_input(key="entry-name").set_value(name).run()
    assert named(home) == [name]
    assert "heads" in compared(app)[1]
    app.button(key="entry-duplicate").click().run()
    assert named(home) == [name, f"{name} copy"]
    app.button(key="entry-delete").click().run()
    assert named(home) == [name]
    told = "".join(each.value for each in app.markdown).replace("\\", "")
    assert f"{name} copy" in told
    app.button(key="library-bring-back").click().run()
    assert named(home) == [name, f"{name} copy"]
    assert not any(button.key == "library-bring-back" for button in app.button)
    assert not app.exception


def test_two_deletions_are_undone_one_after_the_other(
    app: AppTest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for schedule in (GRADUAL, HEAD_ONLY):
        library.save(home / "library", schedule)
    for _ in range(2):
        app.run().button(key="entry-0").click().run()
        app.button(key="entry-delete").click().run()
    assert named(home) == []

    def refuse(*_: object) -> str:
        raise InputError("THAW_HOME", "is full", "free some space there")

    with monkeypatch.context() as full:
        full.setattr(library, "restore", refuse)
        app.button(key="library-bring-back").click().run()
        assert "is full" in app.toast[0].value
    for count in (1, 2):
        app.button(key="library-bring-back").click().run()
        assert len(named(home)) == count
    assert not any(button.key == "library-bring-back" for button in app.button)
    assert not app.exception


def test_a_name_that_is_taken_is_refused_and_the_field_shows_the_old_one(
    app: AppTest, home: Path
) -> None:
    for schedule in (GRADUAL, HEAD_ONLY):
        library.save(home / "library", schedule)
    app.run().button(key="entry-0").click().run()
    (field,) = [each for each in app.text_input if each.label == "Name"]
    other = ({GRADUAL.name, HEAD_ONLY.name} - {field.value}).pop()
    before = field.value
    field.set_value(other).run()
    assert "the name of another schedule in the library" in app.toast[0].value
    (field,) = [each for each in app.text_input if each.label == "Name"]
    assert field.value == before


def test_what_is_deleted_leaves_the_comparison(app: AppTest, home: Path) -> None:
    library.save(home / "library", HEAD_ONLY)
    app.run().button(key="entry-0").click().run()
    app.button(key="entry-compare").click().run()
    app.button(key="entry-delete").click().run()
    assert compared(app) == ["now"]
    assert [toast.value.partition(":")[0] for toast in app.toast] == ["Deleted"]  # and no notice


def test_a_broken_file_is_named_in_the_list(app: AppTest, home: Path) -> None:
    (home / "library").mkdir()
    (home / "library" / "mine.json").write_text("{", encoding="utf-8")
    assert "mine.json" in "".join(each.value for each in app.run().caption).replace("\\", "")


def test_a_long_library_shows_a_few_and_then_all(app: AppTest, home: Path) -> None:
    for at in range(11):
        library.save(home / "library", edits.set_field(GRADUAL, "name", f"Number {at}"))
    app.run()
    rows = [button.key for button in app.button if (button.key or "").startswith("entry-")]
    assert len(rows) == 8
    app.button(key="more-entries").click().run()
    rows = [button.key for button in app.button if (button.key or "").startswith("entry-")]
    assert len(rows) == 11
    assert all(one != other for one, other in pairwise(rows))


def test_the_demo_has_no_library(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library.save(home / "library", HEAD_ONLY)
    monkeypatch.setenv("THAW_DEMO", "1")
    app = AppTest.from_function(script, default_timeout=120).run()
    assert not any((button.key or "").startswith("entry-") for button in app.button)
    assert "Library" not in without_styles(app)
    assert not any("library" in source for source in box(app, "B").options)  # type: ignore[attr-defined]
    assert not any((b.key or "").startswith("library-") for b in on_design(home).button)
