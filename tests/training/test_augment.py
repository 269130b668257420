from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional

from core.cache_plan.split_points import distinct_views
from core.runs.settings import VIEWS, RunSettings
from core.training import augment
from core.training.data import Data, Split, epoch_entries, load_data


def images(side: int, count: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_a_flip_has_two_views_the_image_and_its_mirror():
    pixels = images(8)
    split = Split(pixels, torch.zeros(3), "flip", views=2, size=8)
    seen = split.pixels(torch.arange(6))
    assert torch.equal(seen[0::2], pixels)
    assert torch.equal(seen[1::2], pixels.flip(-1))


def test_ten_crops_are_the_corners_and_the_center_and_their_mirrors():
    (pixels,) = images(10, 1)
    split = Split(pixels[None], torch.zeros(1), "crops", views=10, size=8)
    seen = split.pixels(torch.arange(10))
    assert torch.equal(seen[0], pixels[:, :8, :8])
    assert torch.equal(seen[2], pixels[:, :8, 2:])
    assert torch.equal(seen[4], pixels[:, 2:, :8])
    assert torch.equal(seen[6], pixels[:, 2:, 2:])
    assert torch.equal(seen[8], pixels[:, 1:9, 1:9])
    assert torch.equal(seen[1::2], seen[0::2].flip(-1))
    assert len(seen.flatten(1).unique(dim=0)) == 10


@pytest.mark.parametrize("kind", ["random", "color"])
def test_a_new_view_is_the_same_for_the_same_epoch_image_and_seed_only(kind):
    split = Split(images(16), torch.zeros(3), kind, views=5, size=12, seed=1)
    entries = torch.arange(15)
    seen = split.pixels(entries)
    assert seen.shape == (15, 3, 12, 12)
    assert torch.equal(seen, split.pixels(entries))
    assert len(seen.flatten(1).unique(dim=0)) == 15
    other = Split(images(16), torch.zeros(3), kind, views=5, size=12, seed=2)
    assert not torch.equal(seen, other.pixels(entries))


def test_colors_change_what_random_crops_show_and_draw_nothing_that_the_network_draws():
    state = torch.get_rng_state()
    plain = torch.tensor([120, 90, 60], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    crops, colors = (
        Split(plain, torch.zeros(1), kind, views=50, size=12).pixels(torch.arange(50))
        for kind in ("random", "color")
    )
    assert torch.equal(crops, plain[..., :12, :12].expand(50, 3, 12, 12))
    assert len(colors.flatten(1).unique(dim=0)) > 40
    assert (colors.float().mean((2, 3)) - crops.float().mean((2, 3))).abs().amax() < 120
    assert torch.equal(torch.get_rng_state(), state)


def test_another_contrast_is_torchvisions_and_depends_on_no_thread():
    image = images(600, 1)[0]
    changed = augment._adjust_contrast(image, 1.3)
    expected = functional.adjust_contrast(image, 1.3)
    assert (changed.int() - expected.int()).abs().max() <= 1
    assert (changed == expected).float().mean() > 0.99


@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_every_epoch_sees_each_image_once_in_a_view_of_its_own(kind):
    *_, data = load_data(
        RunSettings(samples=40, validation_samples=20, image_size=16, augment=kind), 6
    )
    assert isinstance(data, Data)
    epochs = [epoch_entries(data.train, 3, epoch, 6) for epoch in range(6)]
    for entries in epochs:
        assert sorted((entries // data.train.views).tolist()) == list(range(40))
        assert torch.equal(
            data.train.labels_of(entries), data.train.labels[entries // data.train.views]
        )
    seen = len(torch.cat(epochs).unique())
    new = (240, 240)
    some = {"none": (40, 40), "flip": (41, 80), "crops": (81, 240), "random": new, "color": new}
    fewest, most = some[kind]
    assert fewest <= seen <= most
    assert data.train.pixels(epochs[0]).shape == (40, 3, 16, 16)
    assert data.validation.pixels(torch.arange(20)).shape == (20, 3, 16, 16)


def test_crops_are_taken_from_images_an_eighth_larger():
    assert augment.stored_size("crops", 224) == 256
    assert augment.stored_size("flip", 224) == 224


@pytest.mark.parametrize("kind", ["flip", "crops"])
@pytest.mark.parametrize("epochs", [1, 2, 4, 8])
def test_a_run_sees_no_more_views_than_the_plan_of_its_cache_counts(kind, epochs):
    images, views = 100, augment.view_count(kind, epochs)
    for seed in range(100):
        seen = {
            (image, view)
            for epoch in range(epochs)
            for image, view in enumerate(
                augment.epoch_views(kind, seed, epoch, images, epochs).tolist()
            )
        }
        assert len(seen) <= distinct_views(images, views, epochs)
