"""What the charts of a run are drawn from: a screenful of its steps, with all that stands out."""

from __future__ import annotations

from core import presets
from core.runs import events as ev
from core.runs.progress import RunProgress, run_progress
from core.schedule import curves
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from pages.components.run.charts import _accuracy, _loss, _rates, actual_rates, held, train_losses
from pages.components.shared.chart_style import View

PER_EPOCH = 1_000


def long_run() -> Schedule:
    raw = to_raw(presets.load("gradual"))
    raw["epochs"] = 30
    return from_raw(raw)


def told(schedule: Schedule, steps: int) -> RunProgress:
    names = [group.name for group in schedule.groups]
    rates = curves.rates_of_steps(schedule, range(steps), PER_EPOCH).T.tolist()
    return run_progress(
        ev.Step(
            step,
            step // PER_EPOCH,
            9.0 if step == 12_345 else 1.0,
            dict(zip(names, lrs, strict=True)),
        )
        for step, lrs in enumerate(rates)
    )


def test_before_the_first_step_there_is_nothing_to_draw() -> None:
    assert actual_rates(long_run(), RunProgress(), PER_EPOCH).empty
    assert train_losses(RunProgress(), PER_EPOCH).empty


def test_a_run_that_failed_before_its_first_step_has_charts_without_empty_layers() -> None:
    """Vega warns of the extent of none, and axe of layers that nothing names."""
    schedule, nothing = long_run(), RunProgress()
    for chart in (
        _rates(schedule, nothing, PER_EPOCH, View()),
        _loss(schedule, nothing, PER_EPOCH, View()),
        _accuracy(schedule, nothing, View()),
    ):
        drawn = {layer["data"]["name"] for layer in chart["layer"]}
        assert drawn == {*chart["datasets"]}
        assert [name for name in drawn if len(chart["datasets"][name]) == 0] == []


def test_as_a_run_goes_on_a_browser_keeps_its_charts_and_takes_their_data() -> None:
    schedule = long_run()
    before, after = (told(schedule, steps) for steps in (1_500, 2_500))
    for chart in (_rates, _loss):
        shown, then = (chart(schedule, progress, PER_EPOCH, View()) for progress in (before, after))
        assert shown.pop("datasets") != then.pop("datasets")
        assert shown == then


def test_a_run_of_20_000_steps_is_drawn_with_a_screenful_of_its_own_rates() -> None:
    schedule = long_run()
    long = told(schedule, 20_000)
    table = actual_rates(schedule, long, PER_EPOCH)
    for name, rows in table.groupby("group"):
        assert 120 <= len(rows) <= 140
        steps = (rows["x"] * PER_EPOCH).round().astype(int).tolist()
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1]) == (0, 19_999)
        assert rows["y"].tolist() == long.steps.rates(str(name))[steps].tolist()
        assert rows["y"].max() == long.steps.rates(str(name)).max()


def test_the_first_step_after_every_thaw_so_far_is_drawn() -> None:
    schedule = long_run()
    drawn = set(actual_rates(schedule, told(schedule, 4_500), PER_EPOCH)["x"])
    thaws = {start for group in schedule.groups for start, _ in group.trainable}
    assert {float(start) for start in thaws if start < 4.5} <= drawn
    assert len(thaws) > 1


def test_a_line_reaches_the_end_of_the_last_step() -> None:
    schedule = long_run()
    rates = actual_rates(schedule, told(schedule, 20_000), PER_EPOCH).assign(span=0)
    for _, rows in held(rates, PER_EPOCH).groupby("group"):
        before, end = rows.iloc[-2], rows.iloc[-1]
        assert (before["x"], end["x"]) == (19.999, 20.0)
        assert end["y"] == before["y"]


def test_a_loss_that_jumps_for_one_step_is_drawn() -> None:
    losses = train_losses(told(long_run(), 20_000), PER_EPOCH)
    assert len(losses) <= 480
    assert losses.loc[losses["y"].idxmax()].tolist() == [12.345, 9.0]
    assert losses["x"].tolist()[-1] == 19.999
