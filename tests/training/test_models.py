from __future__ import annotations

import pytest
import torch

from core.design.layers import known_models, load
from core.design.spec import ModelRef
from core.errors import ModelError, RunError
from core.training.models import BUNDLED, BUNDLED_MODEL, build, normalise, pretrained
from tests.training.small import of_kind, run, small_schedule, small_settings

BUNDLED_REF = ModelRef(name=BUNDLED_MODEL, weights=BUNDLED)


@pytest.mark.parametrize("name", known_models())
def test_every_known_model_is_built_with_the_parameters_of_its_table(name):
    model = build(name, device="meta")
    assert sum(p.numel() for p in model.parameters()) == load(name).parameters


@pytest.mark.parametrize("name", ["torchvision/resnet", "timm/no_such", "resnet18", "x/resnet18"])
def test_an_unknown_model_is_refused_by_name(name):
    with pytest.raises(ModelError, match=r"^model\.name is "):
        build(name)


def test_the_head_has_one_output_per_class_and_depends_on_the_seed_alone():
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(pretrained(BUNDLED_REF, 7).model.get_parameter("classifier.weight"))
    assert heads[0].shape == (7, 1280)
    assert heads[0].equal(heads[1])
    assert not heads[0].equal(heads[2])


def test_a_torchvision_model_gets_a_head_for_the_classes():
    network = pretrained(ModelRef(name="torchvision/resnet18", weights=None), 3)
    assert network.model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 3)
    assert network.mean == (0.485, 0.456, 0.406)


def test_a_vision_transformer_is_made_for_the_size_of_the_images():
    network = pretrained(ModelRef(name="timm/deit_tiny_patch16_224"), 3, image_size=64)
    assert network.model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    assert network.model.get_parameter("pos_embed").shape == (1, 1 + 4 * 4, 192)
    full = build("timm/deit_tiny_patch16_224", device="meta")
    assert full.get_parameter("pos_embed").shape == (1, 1 + 14 * 14, 192)


@pytest.mark.parametrize("name", [BUNDLED_MODEL, "torchvision/resnet18"])
def test_a_convolutional_network_is_the_same_for_every_size_of_image(name):
    one, other = build(name, device="meta"), build(name, device="meta", image_size=64)
    assert one.state_dict().keys() == other.state_dict().keys()
    sizes = [[p.shape for p in model.parameters()] for model in (one, other)]
    assert sizes[0] == sizes[1]


def test_the_bundled_features_tell_classes_apart_without_any_training_of_the_body(tmp_path):
    settings = small_settings(samples=200, validation_samples=100, image_size=64)
    schedule = small_schedule(3, conv_head=[], stage4=[])
    assert of_kind(run(tmp_path, schedule, settings), _epoch())[-1].validation_accuracy > 0.6


def test_unknown_weights_are_refused_by_name():
    with pytest.raises(
        ModelError, match=r"^model\.weights is 'IMAGENET1K_V9', which .*IMAGENET1K_V1"
    ):
        pretrained(ModelRef(name="torchvision/resnet18", weights="IMAGENET1K_V9"), 10)
    with pytest.raises(
        ModelError, match=r"^model\.weights is 'in1k', which timm/tf_eff.*'?bundled"
    ):
        pretrained(ModelRef(name=BUNDLED_MODEL, weights="in1k"), 10)


def test_a_vision_transformer_has_no_weights_but_random_ones():
    with pytest.raises(ModelError, match=r"^model\.weights is 'in1k', which timm/deit_tiny.*null"):
        pretrained(ModelRef(name="timm/deit_tiny_patch16_224", weights="in1k"), 10)


def test_without_a_network_the_error_names_what_works_offline(monkeypatch, tmp_path):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(RunError) as caught:
        pretrained(ModelRef(name="torchvision/resnet18", weights="IMAGENET1K_V1"), 10)
    message = str(caught.value)
    assert message.startswith(
        "model.weights is 'IMAGENET1K_V1' of torchvision/resnet18, which could"
    )
    assert "use timm/tf_efficientnet_lite0 with its weights 'bundled', which needs none" in message
    assert '"weights": null' in message


def test_images_are_scaled_to_one_and_then_by_mean_and_deviation():
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    scaled = normalise(images, (0.5, 0.25, 0.0), (0.5, 0.25, 2.0))
    assert scaled[:, :, 0, 0].tolist() == [[-1.0, -1.0, 0.0], [1.0, 3.0, 0.5]]
    assert images.max() == 255


def _epoch():
    from core.runs.events import EpochDone

    return EpochDone
