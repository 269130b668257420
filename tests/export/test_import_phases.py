from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

from core import presets
from core.cli.app import cli
from core.compare import schedules
from core.errors import InputError
from core.export import finetuning_scheduler, import_phases
from core.export.export_result import ExportSource
from core.models import layer_table
from core.models.layer_table import parameter_counts
from core.schedule import curves, parse, plan
from core.schedule.document import MAX_EXPONENT
from core.schedule.parse import from_raw, to_raw
from core.schedule.paths import covers
from core.schedule.spec import Schedule
from tests.export.trainers.cases import CASES
from tests.schedule.strategies import real_schedules

TABLE = layer_table.load("torchvision/resnet18")


def forgotten(schedule: Schedule) -> Schedule:
    """The schedule without what a file of phases holds: windows, lengths, rates of later phases."""
    raw = to_raw(schedule)
    raw["epochs"] = 1
    for group in raw["groups"]:
        spans = plan.training_spans(schedule.group(group["name"]), schedule.epochs)
        group["trainable"] = [[0, None]]
        if spans and spans[0][0] > 0:
            group["lr_scale"] = 123.0
    return from_raw(raw)


def read_back(schedule: Schedule) -> Schedule:
    table = layer_table.load(schedule.model.name)
    made = finetuning_scheduler.export(ExportSource(schedule, 1, table))
    return import_phases.read_phases(made.content, forgotten(schedule), table)


def lost(before: Schedule, after: Schedule) -> set[str]:
    """The fields that differ: windows by the epochs they cover, rates by their peaks to 1e-12."""
    old, new = schedules.fields(before), schedules.fields(after)
    found = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    for place, (one, other) in enumerate(zip(before.groups, after.groups, strict=True)):
        spans = plan.training_spans(one, before.epochs)
        if spans != plan.training_spans(other, after.epochs):
            found.add(f"groups[{place}].trainable")
        peaks = curves.peak(after, other), curves.peak(before, one)
        if curves.relative_error(*peaks) > 1e-12:
            found.add(f"groups[{place}].lr_scale" if one.lr_scale else "lr.group_decay")
        for field in ("name", "modules", "when_frozen", "batchnorm"):
            if getattr(one, field) != getattr(other, field):
                found.add(f"groups[{place}].{field}")
    return found


def declared(schedule: Schedule) -> set[str]:
    """The fields that are told as lost, in the file together with the code that goes with it."""
    told = {each.field for each in finetuning_scheduler.limitations(schedule)}
    return told - {"lr", "groups"}  # what the file has not, and in how many processes it is right


@pytest.mark.parametrize("case", CASES)
def test_a_schedule_that_comes_back_from_its_phases_has_lost_what_was_declared_and_no_more(
    case: str,
):
    schedule = CASES[case]
    assert lost(schedule, read_back(schedule)) == declared(schedule)


@given(real_schedules())
def test_any_schedule_that_trains_from_the_start_has_lost_what_was_declared_and_no_more(
    schedule: Schedule,
):
    assume(any(plan.trains_in(group, 0) for group in schedule.groups))
    said = finetuning_scheduler.expressible(schedule)
    found = read_back(schedule)
    assert lost(schedule, found) == declared(schedule)
    assert lost(said, found) == set()


@pytest.mark.parametrize(
    ("scale", "base_lr"), [(10.0**-MAX_EXPONENT, 0.0049), (10.0**MAX_EXPONENT, 0.0147)]
)
def test_the_least_and_the_most_scale_come_back_where_rounding_would_go_past_them(
    scale: float, base_lr: float
):
    assert not 10.0**-MAX_EXPONENT <= base_lr * scale / base_lr <= 10.0**MAX_EXPONENT
    raw = to_raw(CASES["gradual-with-restart"])
    raw["optimizer"]["base_lr"] = base_lr
    raw["groups"][3]["lr_scale"] = scale
    assert read_back(from_raw(raw)).groups[3].lr_scale == scale


def test_curves_first_rates_and_the_optimizer_are_those_of_the_schedule_that_the_phases_come_onto():
    schedule, other = CASES["gradual-with-restart"], presets.load("exercise")
    made = finetuning_scheduler.export(ExportSource(schedule, 1, TABLE))
    assert made.limitations[0].field == "lr"
    found = import_phases.read_phases(made.content, other, TABLE)
    assert (found.lr, found.optimizer) == (other.lr, other.optimizer)
    peaks = {group.name: curves.peak(found, group) for group in found.groups}
    assert peaks["head"] == curves.peak(other, other.group("head"))
    due = curves.peak(schedule, schedule.group("layer3"))
    assert curves.relative_error(peaks["layer3"], due) <= 1e-12


def read(text: str | bytes, schedule: Schedule | None = None) -> Schedule:
    return import_phases.read_phases(text, schedule or presets.load("exercise"), TABLE)


def test_paths_and_patterns_of_any_module_are_read_as_finetuning_scheduler_does():
    found = read("""\
        0:
          params: [net.fc.bias, net.fc.weight]
          max_transition_epoch: 3
        1:
          params: ['net.layer[34].*']
          max_transition_epoch: 3
          lr: 1e-04
        2:
          params: ['net\\.(conv1|bn1|layer1|layer2)\\..*']
        """)
    assert found.epochs == 20
    windows = {group.name: group.trainable for group in found.groups}
    assert windows == {
        "stem": ((4, None),),
        "layer1": ((4, None),),
        "layer2": ((4, None),),
        "layer3": ((3, None),),
        "layer4": ((3, None),),
        "head": ((0, None),),
    }
    peaks = {group.name: curves.peak(found, group) for group in found.groups}
    assert peaks["layer3"] == pytest.approx(1e-4, rel=1e-12)
    assert peaks["stem"] == pytest.approx(1e-5, rel=1e-12)  # finetuning-scheduler's own default
    assert peaks["head"] == 1e-3


def test_a_group_that_thaws_in_parts_is_cut_and_the_others_keep_their_rates():
    before = presets.load("exercise")
    found = read(
        "0: {params: [fc]}\n1: {params: ['layer4.1'], lr: 0.0005}".replace(
            "[fc]}", "[fc], max_transition_epoch: 2}"
        )
    )
    paths = {group.name: group.modules for group in found.groups}
    assert paths["layer4"] == ("layer4.0",)
    assert paths["layer4 2"] == ("layer4.1",)
    assert found.group("layer4").trainable == ()
    assert found.group("layer4 2").trainable == ((2, None),)
    for name in ("stem", "layer1", "layer4", "head"):
        due = curves.peak(before, before.group(name))
        assert curves.peak(found, found.group(name)) == pytest.approx(due, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file has no phases: number them from 0, as 0: and 1:"),
        ("[1, 2]", "the file has no phases"),
        ("0: {params: [fc]}\n0: {params: [fc]}", "cannot be read (a key appears twice)"),
        ("0: {params: [fc]}\n2: {params: [fc]}", "the file has the phases 0, 2"),
        ("'0': {params: [fc]}", "the file has the phases '0'"),
        ("0: [fc]", '0 is ["fc"]'),
        ("0: {parms: [fc]}", "0.parms is unknown: did you mean 'params'?"),
        ("0: {params: fc}", "0.params is 'fc'"),
        ("0: {params: [1]}", "0.params[0] is 1"),
        ("0: {params: ['(']}", "0.params[0] is '(', which is not a regular expression"),
        (
            r"0: {params: ['fc\.[[:alpha:]]+']}",
            "which has [: or a brace without a count: put a",
        ),
        (r"0: {params: ['\\{1}(fc){e<=1}']}", "which has [: or a brace without a count: put a"),
        ("0: {params: ['(f{1000}){1000}']}", "which repeats too much: write * for + and for large"),
        ("0: {params: ['((((((((((f+)+)+)+)+)+)+)+)+)+)+']}", "which repeats too much: write *"),
        ("0: {params: [cf]}", "0.params[0] is 'cf', which matches no parameter of torchvision"),
        ("0: {params: [fc], new_optimizer: {}}", "0.new_optimizer begins another, but a schedule"),
        ("0: {params: [fc]}\n1: {params: [layer4]}", "0.max_transition_epoch is missing"),
        (
            "0: {params: [fc], max_transition_epoch: 1}\n1: {params: [fc.bias], lr: 1}",
            "1.params[0] thaws 'fc.bias', which phase 0 has already thawed",
        ),
        (
            "0: {params: [fc], max_transition_epoch: 1}\n1: {params: [layer4], lr: fast}",
            "1.lr is 'fast'",
        ),
        ("0: {params: [fc], max_transition_epoch: x}", "0.max_transition_epoch is 'x'"),
        ("0: {params: [fc], max_transition_epoch: 20000}", "0.max_transition_epoch is 20000"),
        (
            "0: {params: &a [fc], lr: *a}",
            "line 1, column 26 is the alias *a: write out what it stands for",
        ),
        ("[" * 500, "is nested over 32 levels deep"),
        ("0: {params: [fc", "is not YAML"),
        ("0: 2001-99-99", "the file cannot be read"),
        ("\0", "the file is not YAML"),
        (b"\xff\xfe\xff", "is not YAML"),
        ("#" * 300_000, "the file has 300,000 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_place_and_the_way_out(
    text: str | bytes, message: str
):
    with pytest.raises(InputError) as told:
        read(text)
    assert message in str(told.value)


ENDLESS = (r"(?:(\w*?)(\w*?)(\w*?)){999}[!?]", *(["(?:" + "(a|b)" * 54 + "){1023}"] * 800))
"""Patterns of which one takes forever, and of which many take long, if only to be compiled."""


@pytest.mark.parametrize("patterns", [ENDLESS[:1], ENDLESS[1:], [rf"w{n}\.fc" for n in range(999)]])
def test_patterns_that_take_too_long_are_refused_and_the_next_file_is_read(
    patterns: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(import_phases, "_SECONDS", 0.1)
    with pytest.raises(
        InputError, match=r"^0\.params\[\d+\] is .*patterns has taken 0\.1 s: simpl"
    ):
        read(yaml.safe_dump({0: {"params": patterns}}))
    assert read("0: {params: ['f[c]']}").group("head").trainable


PIECES = (
    r"fc layer4 . \. .* \w+ [34] [^.]+ [^] [a-f {e} {,2} {2} {1,2} {,} { } ) (?: ( | ? + $ \b \\ \["
)
"""What a pattern may be made of, split at blanks."""


@given(st.lists(st.sampled_from(PIECES.split()), min_size=1, max_size=8).map("".join))
def test_a_pattern_matches_what_pythons_own_expressions_match(pattern: str):
    try:
        found = read(yaml.safe_dump({0: {"params": [pattern]}}))
    except InputError as error:
        assume("matches no parameter" in error.wrong)
        found = None
    thawed = [] if found is None else [group for group in found.groups if group.trainable]
    paths = [path for group in thawed for path in group.modules]
    prefixes = ["", *(f"{word}." for word in re.findall(r"^\w+(?=\\?\.)", pattern))]
    names = tuple(parameter_counts(TABLE))
    matched = [[each for each in names if re.match(pattern, f"{p}{each}")] for p in prefixes]
    due = next(filter(None, matched), [])
    assert [each for each in names if any(covers(path, each) for path in paths)] == due


BEGUN_ANEW = """\
0:
  params: [model.fc.bias, model.fc.weight]
  max_transition_epoch: 2
1:
  params: ['model.layer4.*']
  max_transition_epoch: 4
  new_optimizer:
    optimizer_init:
      class_path: torch.optim.SGD
      init_args: {lr: 2.0e-03, momentum: 0.9, weight_decay: 2.0e-06}
  new_lr_scheduler:
    lr_scheduler_init:
      class_path: torch.optim.lr_scheduler.MultiStepLR
      init_args:
        milestones: [1, 2]
    pl_lrs_cfg: {interval: epoch, frequency: 1, name: Explicit_Reinit_LR_Scheduler}
    init_pg_lrs: [2.0e-06, 2.0e-06]
2:
  params: ['model.layer3.*']
  new_lr_scheduler:
    lr_scheduler_init:
      class_path: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts
    use_current_optimizer_pg_lrs: true
"""
"""Phases in the form of finetuning-scheduler's example `explicit_reinit_optim_lr.yaml`."""


def test_what_a_phase_begins_anew_is_told_field_by_field_and_the_file_is_not_called_broken():
    with pytest.raises(InputError) as told:
        read(BEGUN_ANEW)
    assert {each.field: each.wrong for each in told.value.problems} == {
        "1.new_optimizer": "begins 'torch.optim.SGD', but a schedule has one optimizer for the "
        "whole run",
        "1.new_lr_scheduler": "begins 'torch.optim.lr_scheduler.MultiStepLR', but a schedule has "
        "one curve for the whole run",
        "1.new_lr_scheduler.init_pg_lrs": "gives groups new rates, but a group's peak rate holds "
        "for the whole run",
        "2.new_lr_scheduler": "begins 'torch.optim.lr_scheduler.CosineAnnealingWarmRestarts', but "
        "a schedule has one curve for the whole run",
    }
    assert all(each.way_out for each in told.value.problems)


@given(st.recursive(st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=60))
def test_what_yaml_can_say_is_never_called_not_yaml(value: Any):
    with pytest.raises(InputError) as told:
        read(yaml.safe_dump({0: {"params": ["fc"], "new_lr_scheduler": {"a": value}}}))
    assert "YAML" not in str(told.value)


words = st.sampled_from(["fc", "layer4.*", "model.fc", "(", "[[a]", "x{99999999999}", "", "*"])
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.integers(0, 2),
        st.dictionaries(st.sampled_from(["params", "max_transition_epoch", "lr"]), values)
        | st.fixed_dictionaries({"params": st.lists(words), "lr": values}),
    )
)
def test_nonsense_is_refused_in_words_or_gives_a_schedule(raw: dict[int, Any]):
    try:
        found = read(yaml.safe_dump(raw))
    except InputError:
        return
    assert parse.parse(parse.dumps(found)) == found


def test_the_command_line_reads_what_it_has_written(tmp_path: Path):
    file = tmp_path / "phases.yaml"
    runner = CliRunner()
    written = ["export", "exercise", "--to", "finetuning-scheduler", "--out", str(file)]
    told = runner.invoke(cli, [*written, "--usage"])
    assert told.exit_code == 0
    assert 'phases="phases.yaml"' in told.stdout
    done = runner.invoke(cli, ["import", str(file), "--onto", "exercise"])
    assert parse.parse(done.stdout) == presets.load("exercise")
    nowhere = runner.invoke(cli, [*written[:-2], "--usage"])
    assert nowhere.stderr.endswith("--usage needs a file to refer to: name it with --out\n")
    refused = runner.invoke(cli, ["import", str(tmp_path), "--onto", "exercise"])
    assert (refused.exit_code, refused.stderr.startswith("error: YAML is ")) == (2, True)
