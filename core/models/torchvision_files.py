"""What torchvision's files of weights have otherwise than its networks, as its builders know."""

from __future__ import annotations

INCEPTIONS = ("googlenet", "inception_v3")
"""Networks whose files have auxiliary classifiers, which help to train from nothing, and whose
weights come from TensorFlow: they want pixels from -1 to 1, which torchvision makes of ImageNet's
statistics within the network."""
CENTRED = (0.5, 0.5, 0.5)
"""Mean and deviation per channel that make such pixels."""
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""How the names of their auxiliary classifiers begin."""
OLD_NAME = r"(\.denselayer\d+\.(?:norm|conv))\.(?=[12]\.)"
"""A DenseNet's files have `norm.1` where it has `norm1`, since torch once allowed a dot there: the
first group is what stays."""
