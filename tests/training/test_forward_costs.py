from __future__ import annotations

import pytest
import torch
from timm.layers import DropPath
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core.models.layer_table import TableNode, load
from core.training.forward_costs import nodes_of
from core.training.models import build


def tabulated(module: type[nn.Module]) -> tuple[TableNode, ...]:
    def make(size: int) -> nn.Module:
        with torch.device("meta"):
            return module()

    return nodes_of(make)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, 4)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU(inplace=True)
        self.same = nn.Identity()
        self.drop = nn.Dropout(0.5)
        self.off = nn.Dropout(0.0)
        self.path = DropPath(0.1)
        self.head = nn.Linear(8, 2)
        self.register_buffer("shift", torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.same(self.act(self.norm(self.conv(x))))
        tokens = self.path(self.off(self.drop(x.flatten(2).transpose(1, 2) + self.shift)))
        alike = tokens @ tokens.transpose(1, 2)
        return self.head((alike @ tokens).mean(1))


def test_a_small_network_is_tabulated_as_counted_by_hand():
    side = 224 // 4
    made, tokens = 8 * side**2, side**2
    assert tabulated(Small) == (
        TableNode("x", "", (), 0, 3 * 224**2),
        TableNode("conv", "conv", (0,), 2 * 3 * 4 * 4 * made, made),
        TableNode("norm", "norm", (1,), made, made, "batch"),
        TableNode("act", "act", (2,), made, made),
        TableNode("same", "same", (3,), 0, made),
        TableNode("flatten", "", (4,), 0, made),
        TableNode("transpose", "", (5,), 0, made),
        TableNode("shift", "shift", (), 0, 0, "batch"),
        TableNode("add", "", (6, 7), made, made),
        TableNode("drop", "drop", (8,), made, made, "random"),
        TableNode("off", "off", (9,), 0, made),
        TableNode("path", "path", (10,), made, made, "random"),
        TableNode("transpose_1", "", (11,), 0, made),
        TableNode("matmul", "", (11, 12), 2 * 8 * tokens**2, tokens**2, "", 4, 4),
        TableNode("matmul_1", "", (13, 11), 2 * 8 * tokens**2, made, "", 4, 2),
        TableNode("mean", "", (14,), 8, 8, "", 0, 0),
        TableNode("head", "head", (15,), 2 * 8 * 2, 2, "", 0, 0),
    )


def test_a_network_that_cannot_be_traced_has_no_nodes():
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    assert tabulated(Branching) == ()


@pytest.mark.parametrize("size", [64, 96, 320])
@pytest.mark.parametrize(
    "name", ["torchvision/resnet50", "timm/tf_efficientnet_lite0", "timm/vit_tiny_patch16_224"]
)
def test_flops_at_another_size_are_near_those_that_torch_counts_there(name: str, size: int):
    model = build(name, device="meta", image_size=size)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    assert load(name).flops_at(size) == pytest.approx(counter.get_total_flops(), rel=0.1)
