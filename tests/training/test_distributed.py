from __future__ import annotations

import pickle
import subprocess
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from core.errors import InputError, SettingsError
from core.runs import events as ev
from core.runs.processes import torchrun
from core.training import distributed
from core.training.cache.forward_path import ForwardPath
from core.training.data import Split
from core.training.distributed import Ranks, join_process_group
from core.training.job import Job, never
from core.training.loop import Loop
from core.training.shards import Shards
from core.training.train import train
from tests.training import in_processes
from tests.training.small import of_kind, same_bits

ROOT = Path(__file__).parents[2]


def in_torchrun(processes: int, *words: str | Path) -> str:
    """Run the command in so many processes, and return the lines that the first one prints."""
    command = torchrun.command(processes, "-m", "tests.training.in_processes", *map(str, words))
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def weights(folder: Path, processes: int) -> list[dict[str, Tensor]]:
    return [load_file(folder / f"weights-{rank}.safetensors") for rank in range(processes)]


def distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest difference of two parameters or buffers."""
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, Tensor]:
    """The weights of one process that computes the four micro-batches of each batch in turn."""
    folder = tmp_path_factory.mktemp("alone")
    events = in_processes.run(folder, in_processes.settings(accumulate=4))
    assert len(of_kind(events, ev.Step)) == 30
    return weights(folder, 1)[0]


@pytest.mark.parametrize("processes", [2, pytest.param(4, marks=pytest.mark.thorough)])
def test_several_processes_have_the_same_bits_and_end_as_one_does(processes, alone, tmp_path):
    assert in_torchrun(processes, tmp_path) == "0.0 True 4\n"  # rates, frozen groups, their spans
    first, *others = weights(tmp_path, processes)
    assert all(same_bits(first, other) for other in others)
    assert distance(first, alone) <= 1e-6


@pytest.mark.parametrize(
    ("local_rank", "order"), [(0, ["builds", "exchanges"]), (1, ["exchanges", "builds"])]
)
def test_one_process_of_a_machine_downloads_the_weights_and_its_others_wait(
    local_rank, order, monkeypatch, tmp_path
):
    done, network = [], in_processes.build

    def build(*model):
        done.append("builds")
        return network(*model)

    def all_gather(_, value):
        done.append("exchanges")
        return [value]

    monkeypatch.setattr(Ranks, "all_gather", all_gather)
    monkeypatch.setattr(in_processes, "build", build)
    events = train(in_processes.job(tmp_path, in_processes.settings(), Ranks(0, 1, local_rank, 2)))
    next(event for event in events if isinstance(event, ev.Started))
    assert done == order


def test_gpus_without_nccl_are_left_to_one_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: False)
    with pytest.raises(SettingsError, match=r"^--device is cuda, but this torch has no NCCL"):
        Ranks(0, 2, 0, 2).device(torch.device("cuda"))
    place = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    join_process_group()
    assert torch.distributed.get_backend() == "gloo"
    torch.distributed.destroy_process_group()


@pytest.mark.thorough
def test_a_network_that_is_wrapped_once_diverges_without_a_word(tmp_path):
    in_torchrun(2, tmp_path, "naive")
    first, second = weights(tmp_path, 2)
    assert {name for name in first if not first[name].equal(second[name])}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "epoch", "group"), [("wrapped-once", 1, "third"), ("meddled", 2, "second")]
)
def test_a_run_whose_processes_diverge_ends_with_the_name_of_the_group(
    kind, epoch, group, tmp_path
):
    says = in_torchrun(2, tmp_path, kind)
    assert f"after epoch {epoch}, group '{group}' is not the same in all processes" in says


@pytest.mark.thorough
def test_a_run_of_three_processes_that_is_resumed_within_a_phase_ends_with_the_same_bits(tmp_path):
    for name, kinds in (("whole", ["run"]), ("killed", ["broken-off", "run"])):
        (tmp_path / name).mkdir()
        for kind in kinds:
            in_torchrun(3, tmp_path / name, kind)
    assert same_bits(*(weights(tmp_path / name, 1)[0] for name in ("whole", "killed")))


def test_a_run_of_two_processes_goes_on_in_one(tmp_path, alone):
    of = in_processes.settings(processes=2, accumulate=2)
    saved = tmp_path / "checkpoints"
    in_processes.run(tmp_path, of, should_stop=lambda: any(saved.glob("epoch-*")))
    events = in_processes.run(tmp_path, of)
    (notice,) = of_kind(events, ev.Notice)
    assert "a run of 2 processes goes on with 1" in notice.message
    assert of_kind(events, ev.Started)[0].resumed_at > 0
    assert same_bits(weights(tmp_path, 1)[0], alone)
    assert not torch.distributed.is_initialized()


def test_an_evaluation_sends_as_much_for_each_image_however_many_there_are(monkeypatch):
    images, sent = 4_000, []
    monkeypatch.setattr(Ranks, "all_gather", lambda _, value: sent.append(value) or [value])
    split = Split(torch.zeros(images, 3, 1, 1, dtype=torch.uint8), torch.zeros(images).long())
    network: Any = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    path = ForwardPath(lambda entries: (split.pixels(entries).float(),), network)
    none: Any = None
    loop = Loop(network, none, none, none, none, Ranks(), never)
    batches = Shards(1, range(1), 2).in_order(images)
    assert len(list(loop.evaluate(0, path, split, batches))) == len(batches)
    assert len(pickle.dumps(sent)) < 50 * images


def test_a_process_that_finds_no_other_ends_by_an_error_of_its_input(monkeypatch):
    monkeypatch.setattr(distributed, "_RENDEZVOUS", timedelta(milliseconds=1))
    place = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=r"^--master-addr has not brought the processes"):
        distributed.join_process_group()


def test_temporary_files_lie_with_the_checkpoints_on_the_machine_of_the_first_process(tmp_path):
    first = Job(in_processes.schedule(), in_processes.settings(), tmp_path)
    places = (Ranks(1, 4, 1, 2), Ranks(2, 4, 0, 2))
    others = [
        replace(first, checkpoints=None, shared_scratch=first.scratch, ranks=ranks)
        for ranks in places
    ]
    assert [job.scratch for job in (first, *others)] == [
        tmp_path,
        tmp_path,
        Path(tempfile.gettempdir()),
    ]
