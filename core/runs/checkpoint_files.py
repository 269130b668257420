"""How a run's checkpoint files are called, and which there are."""

from __future__ import annotations

import re
from pathlib import Path

DIGEST = 16
"""Hex digits of its content's SHA-256 that a name carries."""
_NAME = re.compile(rf"epoch-(\d{{5}})-([0-9a-f]{{{DIGEST}}})\.pt")


def name(epoch: int, digest: str) -> str:
    """The name of a checkpoint that goes on with `epoch`; names sort by it."""
    return f"epoch-{epoch:05}-{digest}.pt"


def epoch(path: Path) -> int:
    """The epoch that a checkpoint file of that name goes on with."""
    return int(path.name.split("-")[1])


def digest(path: Path) -> str:
    """The digest that a checkpoint file of that name should have."""
    return path.stem.split("-")[2]


def stored(folder: Path) -> list[Path]:
    """The files in a folder that are called like checkpoints, newest first."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), reverse=True)


def unfinished(folder: Path) -> list[Path]:
    """The files that killed writes of checkpoints have left."""
    return list(folder.glob(".epoch-*.pt.*"))
