from __future__ import annotations

import pytest
import torch

from core.errors import ModelError, RunError, SettingsError
from core.models.layer_table import known_models, load
from core.presets import BUNDLED_MODEL, BUNDLED_WEIGHTS
from core.schedule.spec import ModelRef
from core.suggest import heads_of
from core.training.models import build, normalize, pretrained
from tests.training.small import of_kind, run, small_schedule, small_settings

BUNDLED_REF = ModelRef(name=BUNDLED_MODEL, weights=BUNDLED_WEIGHTS)


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


@pytest.mark.parametrize(
    "name",
    [
        "torchvision/squeezenet1_1",  # its classifier is a convolution
        "torchvision/mobilenet_v3_small",
        "torchvision/googlenet",  # without its auxiliary classifiers
        "torchvision/regnet_x_400mf",
        "torchvision/vit_b_32",
        "timm/deit_tiny_distilled_patch16_224",  # two heads, whose outputs are averaged
        "timm/resnetv2_18",
        "timm/swin_tiny_patch4_window7_224",
    ],
)
def test_every_kind_of_head_is_replaced_and_gives_one_output_per_class_while_training(name):
    network = pretrained(ModelRef(name=name), 3, image_size=64)
    assert {len(network.model.get_submodule(p).weight) for p in heads_of(network.model)} == {3}
    assert network.model.train()(torch.zeros(2, 3, 64, 64)).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "size", "way_out"),
    [
        ("torchvision/vit_b_32", 65, "use 64 or 96"),
        ("torchvision/inception_v3", 64, "use 80"),
        ("torchvision/maxvit_t", 64, "use 224"),
        ("timm/nest_tiny", 65, "use 64 or 80"),
    ],
)
def test_a_size_that_a_network_cannot_take_is_refused_with_the_nearest_that_it_can(
    name, size, way_out
):
    with pytest.raises(SettingsError) as caught:
        pretrained(ModelRef(name=name), 3, image_size=size)
    assert str(caught.value) == f"--image-size is {size}, which {name} cannot take: {way_out}"


def test_to_look_whether_a_size_fits_draws_no_random_number():
    heads = []
    for size in (None, 64):
        torch.manual_seed(1)
        heads.append(pretrained(BUNDLED_REF, 7, size).model.get_parameter("classifier.weight"))
    assert heads[0].equal(heads[1])


def test_unknown_weights_are_refused_by_name():
    with pytest.raises(
        ModelError, match=r"^model\.weights is 'IMAGENET1K_V9', which .*IMAGENET1K_V1"
    ):
        pretrained(ModelRef(name="torchvision/resnet18", weights="IMAGENET1K_V9"), 10)
    with pytest.raises(ModelError, match=r"^model\.weights is 'in2k', which timm/tf_eff.*'in1k'"):
        pretrained(ModelRef(name=BUNDLED_MODEL, weights="in2k"), 10)


@pytest.mark.parametrize(
    ("name", "weights"),
    [("torchvision/resnet18", "IMAGENET1K_V1"), ("timm/vit_tiny_patch16_224", "augreg_in21k")],
)
def test_without_a_network_the_error_names_what_works_offline(name, weights, monkeypatch, tmp_path):
    for variable in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(RunError) as caught:
        pretrained(ModelRef(name=name, weights=weights), 10)
    message = str(caught.value)
    assert message.startswith(f"model.weights is {weights!r} of {name}, which could")
    assert "use timm/tf_efficientnet_lite0 with its weights 'bundled', which needs none" in message
    assert '"weights": null' in message
    assert "\n" not in message


def test_images_are_scaled_to_one_and_then_by_mean_and_deviation():
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    scaled = normalize(images, (0.5, 0.25, 0.0), (0.5, 0.25, 2.0))
    assert scaled[:, :, 0, 0].tolist() == [[-1.0, -1.0, 0.0], [1.0, 3.0, 0.5]]
    assert images.max() == 255


def _epoch():
    from core.runs.events import EpochDone

    return EpochDone
