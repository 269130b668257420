"""The presets' layer decay against timm's, on the networks that they are for."""

from __future__ import annotations

import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay

from core import presets
from core.models import layer_table
from core.presets.apply import apply
from core.schedule import curves
from core.schedule.paths import covers
from core.training.tabulate import tabulate


@pytest.mark.parametrize(
    ("name", "decay", "model"),
    [
        ("mae-vit-b", 0.65, "timm/vit_base_patch16_224"),
        ("mae-vit-l", 0.75, "timm/vit_tiny_patch16_224"),
        ("beit", 0.65, "timm/beit_base_patch16_224"),
        ("electra", 0.8, "timm/vit_tiny_patch16_224"),
    ],
)
def test_layer_decay_is_timms_on_a_vision_transformer(name: str, decay: float, model: str):
    # MAE, FINETUNE.md; BEiT, get_started_for_image_classification.md; ELECTRA,
    # configure_finetuning.py: decay per block, counted from the head. The last norm layer, which
    # timm counts with the last block, goes with the head there as it does here (MAE, lr_decay.py).
    table = layer_table.load(model) if model in layer_table.known_models() else tabulate(model)
    schedule = apply(presets.by_name(name), table)
    with torch.device("meta"):
        network = timm.create_model(model.removeprefix("timm/"), pretrained=False)
    scales = {
        id(parameter): group["lr_scale"]
        for group in param_groups_layer_decay(network, layer_decay=decay)
        for parameter in group["params"]
    }
    seen = {}
    for group in schedule.groups:
        mine = {
            scales[id(parameter)]
            for path, parameter in network.named_parameters()
            if not path.startswith("norm.")
            and any(covers(module, path) for module in group.modules)
        }
        assert len(mine) == 1, group.name
        seen[group.name] = mine.pop()
    assert {group.name: curves.scale(schedule, group) for group in schedule.groups} == (
        pytest.approx(seen, rel=1e-12)
    )
