"""How a run's checkpoint files are called, which there are, and how many are kept."""

from __future__ import annotations

import re
from pathlib import Path

DIGEST = 16
"""Hex digits of its content's SHA-256 that a name carries."""
KEPT = 2
"""The newest, and the one before in case the newest turns out to be damaged."""
_NAME = re.compile(rf"epoch-(\d{{5}})-([0-9a-f]{{{DIGEST}}})\.pt")


def name(epoch: int, digest: str) -> str:
    """Return the name of a checkpoint that goes on with `epoch`; names sort by it."""
    return f"epoch-{epoch:05}-{digest}.pt"


def epoch(path: Path) -> int:
    """Return the epoch that a checkpoint file of that name goes on with."""
    return int(path.name.split("-")[1])


def digest(path: Path) -> str:
    """Return the digest that a checkpoint file of that name should have."""
    return path.stem.split("-")[2]


def stored(folder: Path) -> list[Path]:
    """Return the files in a folder that are called like checkpoints, newest first."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), reverse=True)


def unfinished(folder: Path) -> list[Path]:
    """Checkpoints that are being written, or that killed writes have left."""
    return list(folder.glob(".epoch-*.pt.*"))


def outdated(folder: Path, newest: Path) -> list[Path]:
    """Return the files that are not kept once `newest` is written.

    Of the older ones those beyond `KEPT`; and whatever is not older, which was passed over as
    damaged, or belongs to epochs that are run anew.
    """
    others = [path for path in stored(folder) if path != newest]
    older = [path for path in others if epoch(path) < epoch(newest)]
    return [path for path in others if path not in older[: KEPT - 1]]


def keep_one(folder: Path) -> None:
    """Leave a run that came to its end its newest checkpoint alone; OSError as the disk refuses."""
    for path in stored(folder)[1:]:
        path.unlink(missing_ok=True)
