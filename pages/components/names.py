"""What people read for the document's names."""

from __future__ import annotations

from collections.abc import Mapping

OPTIMIZERS: Mapping[str, str] = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}

SHAPES: Mapping[str, str] = {"wsd": "Warmup, stable, decay"}
"""Those that are not just capitalised."""
