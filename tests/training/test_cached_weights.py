"""Weights in the caches of torch and of the hub that are torn, or would run a program."""

from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import ResNet18_Weights

from core.design.spec import ModelRef
from core.errors import RunError
from core.training.cached_weights import readable, torch_file
from core.training.models import build, pretrained
from tests.reliability.doors import RAN, Evil

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
    file = torch_file(ResNet18_Weights[ref.weights].url)
    file.parent.mkdir(parents=True)
    torch.save(build(ref.name).state_dict(), file)
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
        f"model.weights is {ref.weights!r} of {ref.name}, whose file {file} is torn or holds "
        "something else: delete it, and it is downloaded anew"
    )


def test_weights_that_would_run_a_program_when_unpickled_run_none(tmp_path):
    file = in_torchs_cache(RESNET, tmp_path)
    for content in (Evil(), {"conv1.weight": Evil()}):
        torch.save(content, file)
        with pytest.raises(RunError, match=f"whose file {file} is torn or holds something else"):
            pretrained(RESNET, 3)
    file.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(RunError, match="is torn or holds something else"):
        pretrained(RESNET, 3)
    assert not RAN


def test_to_load_weights_with_too_little_memory_is_not_the_files_fault(tmp_path):
    file = in_torchs_cache(RESNET, tmp_path)
    with pytest.raises(RuntimeError, match="can't allocate memory"), readable(RESNET, [file]):
        torch.empty(1 << 60)
