"""Exports in two processes: each has its own images, and both must end with the same weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.export.targets import TARGETS
from core.schedule.parse import dumps
from tests.export.trainers import running
from tests.export.trainers.cases import CASES
from tests.export.trainers.in_two_processes import RUNS

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("two")
    python = running.python_with("lightning")
    for target, case in RUNS:
        (made / target).mkdir(exist_ok=True)
        if target in TARGETS:
            assert running.write(target, case, made / target)
        else:
            (made / target / f"{case}.json").write_text(dumps(CASES[case]), encoding="utf-8")
    launched = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    running.call([*launched, "-m", "tests.export.trainers.in_two_processes", str(made)])
    return made


def drifted(folder: Path, target: str, case: str) -> set[str]:
    """The parts of the network of which the two processes have different parameters."""
    first, second = (
        torch.load(folder / target / f"{case}.{rank}.pt", weights_only=True) for rank in (0, 1)
    )
    return {
        name.split(".")[0]
        for name in first
        if name.endswith(("weight", "bias")) and not torch.equal(first[name], second[name])
    }


@pytest.mark.parametrize("target", ["lightning", "transformers", "accelerate"])
def test_both_processes_go_by_the_plan_and_end_with_the_same_weights(target: str, folder: Path):
    case = "frozen-again"
    for rank in (0, 1):
        found = running.rows(folder / target, case, str(rank))
        running.assert_rates_and_state(found, CASES[case])
    assert drifted(folder, target, case) == set()


@pytest.mark.parametrize("case", ["discriminative-cosine", "frozen-again"])
def test_finetuning_scheduler_exchanges_no_gradients_of_what_thaws_later_as_declared(
    case: str, folder: Path
):
    made = running.exported("finetuning-scheduler", CASES[case])
    declared = any("several processes" in each.cannot for each in made.limitations)
    late = {
        path
        for group in CASES[case].groups
        if group.trainable and group.trainable[0][0] > 0
        for path in group.modules
    }
    assert drifted(folder, "finetuning-scheduler", case) == late
    assert declared == bool(late)
    assert ("devices=1," in made.usage) == declared
