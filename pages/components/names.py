"""What people read for the document's names."""

from __future__ import annotations

from collections.abc import Mapping

SHAPES: Mapping[str, str] = {"wsd": "Warmup, stable, decay"}
"""Those that are not just capitalised."""
