"""The benchmarks run, compare what they should, and say what they leave out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import save_file

from core.freezing import apply_plan
from core.grouping import group_paths, resolve_groups
from core.training.data import epoch_order
from core.training.models import pretrained
from tests.benchmarks import bound, scenarios
from tests.benchmarks.__main__ import cli
from tests.benchmarks.contestants import CONTESTANTS, Contestant
from tests.benchmarks.loaders import Batches
from tests.benchmarks.many_images import cli as many_images
from tests.benchmarks.memory import cli as memory
from tests.benchmarks.rounds import difference
from tests.sample import sampled

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def pair(scenario: str) -> tuple[str, ...]:
    return ("--scenario", scenario, "--contestant", "plain", "--contestant", "thaw-plain")


def test_a_quick_run_prints_ratios_and_thaws_plain_steps_end_with_the_bits_of_the_plain_loop(
    tmp_path: Path,
) -> None:
    done = run(*pair("head-only"), "--contestant", "thaw", "--json", str(tmp_path / "all.json"))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^plain +[\d.]+ +[\d. -]+ the reference +[\d,]+$", done.stdout, re.M)
    assert re.search(r"^thaw +[\d.]+ +[\d.]+ - [\d.]+ +1\.00 .* differ by", done.stdout, re.M)
    (found,) = json.loads((tmp_path / "all.json").read_text())["scenarios"]
    assert found["contestants"]["thaw-plain"]["bit_identical_to_plain"] is True


# the first is tried above; the quick forms of the others are those of exercise-64 and exercise-jpeg
UNTRIED = sorted(scenarios.SCENARIOS.keys() - {"head-only", "exercise-224", "exercise-photos"})


@pytest.mark.parametrize("name", sampled(UNTRIED, {"exercise-jpeg"}))
def test_thaw_ends_with_the_bits_of_the_plain_loop(name: str, tmp_path: Path) -> None:
    done = run(*pair(name), "--json", str(tmp_path / "all.json"))
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "all.json").read_text())["scenarios"]
    assert found["contestants"]["thaw-plain"]["bit_identical_to_plain"] is True


def test_the_floors_end_with_the_weights_of_thaw_and_are_not_written_for_files(
    tmp_path: Path,
) -> None:
    names = ("plain", "thaw", "floor", "thaw-fast", "floor-fast")
    compared = [flag for name in names for flag in ("--contestant", name)]
    file = tmp_path / "all.json"
    done = run("--scenario", "exercise-64", *compared, "--parts", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^thaw-fast / floor-fast: [\d.]+", done.stdout, re.M)
    (found,) = json.loads(file.read_text())["scenarios"]
    of = found["contestants"]
    assert of["floor"]["largest_differences"] == of["thaw"]["largest_differences"]
    assert of["floor-fast"]["largest_differences"][0] < 0.1
    for name in names[1:]:
        assert of[name]["parts"]["training"] > of[name]["parts"]["output files"]
    done = run("--scenario", "exercise-jpeg", "--contestant", "floor")
    assert done.returncode == 1
    assert "[exercise-jpeg] floor is left out: it is written for exercise-64" in done.stdout
    assert done.stderr == "Error: nothing is left to run\n"
    assert scenarios.SCENARIOS.keys() > set(CONTESTANTS["floor"].scenarios)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--scenario", "exercise"], "'exercise' is not one of 'exercise-64'"),
        (["--contestant", "keras"], "'keras' is not one of 'plain'"),
        (["--rounds", "0"], "0 is not in the range 1<=x<=1000"),
        (["--json", "no/such/folder/file.json"], "lies in a folder that does not exist"),
        (["--fast"], "No such option"),
    ],
)
def test_a_wrong_flag_is_told_with_exit_code_2(flags: list[str], told: str) -> None:
    done = CliRunner().invoke(cli, flags)
    assert (done.exit_code, told in done.output) == (2, True), done.output


def test_a_peer_that_is_not_installed_says_how_to_install_it() -> None:
    missing = Contestant("peer", "with_peer", package="no_such_package").missing()
    assert missing == "not installed: pip install -r tests/benchmarks/requirements.txt"


def test_a_setting_that_this_thaw_lacks_is_named() -> None:
    missing = Contestant("thaw-so", "with_thaw", settings={"so": "yes"}).missing()
    assert missing == "this Thaw has no setting 'so'"


def test_an_iterator_from_which_nothing_is_taken_counts_no_epoch() -> None:
    settings = scenarios.find("head-only", quick=True).settings(None)
    batches = Batches(40, settings, shuffled=True)
    iter(batches)
    for epoch in range(2):
        taken = [position for batch in batches for position in batch]
        assert taken == epoch_order(settings.seed, epoch, 40).tolist()


def test_weights_that_differ_in_the_sign_of_a_zero_are_not_the_same_bits(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    save_file({"w": np.array([0.0, 1.0], np.float32), "n": np.array([3])}, one)
    save_file({"w": np.array([-0.0, 1.0], np.float32), "n": np.array([3])}, other)
    assert difference(one, one) is None
    assert difference(one, other) == 0.0


def test_the_bound_asks_of_each_layer_only_the_gradients_that_are_needed() -> None:
    schedule = scenarios.find("exercise-64", quick=True).schedule
    model = pretrained(schedule.model, 10).model
    model.train()
    apply_plan(resolve_groups(model, group_paths(schedule)), schedule, 2)
    names = {module: name for name, module in model.named_modules()}
    calls: dict[str, Any] = {
        names[call.layer]: (call.moves, call.input_gradient, call.weight_gradient)
        for call in bound.calls_of(model, torch.zeros(2, 3, 32, 32))
    }
    assert calls["layer3.1.conv2"] == (False, False, False)
    assert calls["layer4.0.conv1"] == (True, False, True)
    assert calls["layer4.0.downsample.0"] == (True, False, True)
    assert calls["layer4.0.conv2"] == (True, True, True)
    assert calls["fc"] == (True, True, True)


def test_a_cached_run_takes_no_more_memory_than_a_plain_one_and_its_budget() -> None:
    budget = 57
    done = CliRunner().invoke(memory, ["--images", "500", "--budget", str(budget)])
    assert done.exit_code == 0, done.output
    used = re.findall(r"^epoch .*; ([\d,]+) MB in memory, ([\d,]+) MB on disk$", done.output, re.M)
    assert 0 < max(int(held) for held, _ in used) <= budget
    assert max(int(disk) for _, disk in used) > 0, "the rest goes to a file"


def test_images_on_disk_take_less_than_200_mb_however_many_there_are() -> None:
    done = CliRunner().invoke(many_images)
    assert done.exit_code == 0, done.output
