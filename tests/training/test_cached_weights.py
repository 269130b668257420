"""Weights in the caches of torch and of the hub that are torn, or would run a program."""

from __future__ import annotations

import pickle

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from core.errors import RunError
from core.schedule.spec import ModelRef
from core.suggest import heads_of
from core.training.models import build, normalize, pretrained
from core.training.weights import as_corrupt_file_error
from tests.reliability.doors import RAN, Evil
from tests.training import torchvision_files

RESNET = ModelRef(name="torchvision/resnet18", weights="IMAGENET1K_V1")
VIT = ModelRef(name="timm/vit_tiny_patch16_224", weights="augreg_in21k")


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    for variable in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


def in_torchs_cache(ref, tmp_path):
    """The file of torchvision's weights, which holds whole ones of a fresh network."""
    file, _ = torchvision_files.keep(ref.name.partition("/")[2], ref.weights)
    assert file.is_relative_to(tmp_path)
    return file


def in_the_hubs_cache(ref, tmp_path):
    """As above, of timm's: where the hub keeps it, with the link that a name leads to."""
    repository = tmp_path / f"models--timm--{ref.name.split('/')[1]}.{ref.weights}"
    snapshot = repository / "snapshots" / "0123abcd"
    for folder in (snapshot, repository / "blobs", repository / "refs"):
        folder.mkdir(parents=True)
    (repository / "refs" / "main").write_text("0123abcd")
    file = repository / "blobs" / "4567"
    (snapshot / "model.safetensors").symlink_to(file)
    save_file(build(ref.name, classes=21_843).state_dict(), file)
    return file


KEPT = pytest.mark.parametrize(
    ("ref", "keep"), [(RESNET, in_torchs_cache), (VIT, in_the_hubs_cache)], ids=["torch", "hub"]
)


@KEPT
def test_whole_weights_in_the_cache_need_no_network(ref, keep, tmp_path):
    keep(ref, tmp_path)
    assert pretrained(ref, 3).model.eval()(torch.zeros(1, 3, 224, 224)).shape == (1, 3)


@pytest.mark.thorough
@pytest.mark.parametrize("name", [*torchvision_files.WITHOUT_COUNTS, "mnasnet0_5", "vit_b_32"])
def test_torchvisions_own_files_fill_the_whole_network_though_some_are_older_than_it(name):
    _, network = torchvision_files.keep(name)
    model = pretrained(ModelRef(name=f"torchvision/{name}", weights="IMAGENET1K_V1"), 3, 224).model
    wanted, state = network.state_dict(), model.state_dict()
    new = tuple(f"{head}." for head in heads_of(model))
    wrong = [key for key in state if not key.startswith(new) and not state[key].equal(wanted[key])]
    assert wrong == []


def test_weights_from_tensorflow_see_the_pixels_that_torchvision_shows_them():
    torchvision_files.keep("googlenet")
    ours = pretrained(ModelRef(name="torchvision/googlenet", weights="IMAGENET1K_V1"), 3, 96)
    theirs = torchvision.models.googlenet(weights="IMAGENET1K_V1", progress=False)
    images = torch.randint(0, 256, (2, 3, 96, 96), dtype=torch.uint8)
    preset = torchvision.models.GoogLeNet_Weights.IMAGENET1K_V1.transforms()
    shown = theirs._transform_input(normalize(images, preset.mean, preset.std))
    torch.testing.assert_close(normalize(images, ours.mean, ours.std), shown)


@KEPT
@pytest.mark.parametrize("damage", ["cut", "empty", "text", "another network"])
def test_a_file_of_weights_that_is_torn_is_named_with_the_way_out(ref, keep, damage, tmp_path):
    file = keep(ref, tmp_path)
    content = file.read_bytes()
    torch.save({"weight": torch.zeros(1)}, file)
    spoilt = {"cut": content[:-900], "empty": b"", "text": b"hello"}
    file.write_bytes(spoilt.get(damage, file.read_bytes()))
    with pytest.raises(RunError) as caught:
        pretrained(ref, 3)
    assert str(caught.value) == (
        f"model.weights is {ref.weights!r} of {ref.name}, whose file {file} is corrupt or not "
        "a weights file: delete it to download it again"
    )


def test_weights_that_would_run_a_program_when_unpickled_run_none(tmp_path):
    file = in_torchs_cache(RESNET, tmp_path)
    for content in (Evil(), {"conv1.weight": Evil()}):
        torch.save(content, file)
        with pytest.raises(RunError, match=f"whose file {file} is corrupt or not a weights file"):
            pretrained(RESNET, 3)
    file.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(RunError, match="is corrupt or not a weights file"):
        pretrained(RESNET, 3)
    assert not RAN


def test_to_load_weights_with_too_little_memory_is_not_the_files_fault(tmp_path):
    file = in_torchs_cache(RESNET, tmp_path)
    with (
        pytest.raises(RuntimeError, match="can't allocate memory"),
        as_corrupt_file_error(RESNET, [file]),
    ):
        torch.empty(1 << 60)
