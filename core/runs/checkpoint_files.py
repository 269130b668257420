"""The checkpoint files of a run: their names, the stored ones, and how many are kept."""

from __future__ import annotations

import re
from pathlib import Path

DIGEST = 16
"""Hex digits of the SHA-256 of a checkpoint's content that are in its name."""
KEPT = 2
"""Checkpoints: the newest, and the one before, in case the newest turns out to be damaged."""
_NAME = re.compile(rf"epoch-(\d{{5}})-([0-9a-f]{{{DIGEST}}})\.pt")


def name(epoch: int, digest: str) -> str:
    """Return the name of the checkpoint from which a run goes on with `epoch`; names sort by it."""
    return f"epoch-{epoch:05}-{digest}.pt"


def epoch(path: Path) -> int:
    """Return the epoch with which a run goes on from a checkpoint file, by its name."""
    return int(path.name.split("-")[1])


def digest(path: Path) -> str:
    """Return the digest that a checkpoint file should have, by its name."""
    return path.stem.split("-")[2]


def stored(folder: Path) -> list[Path]:
    """Return the files in a folder that have names of checkpoints, newest first."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), reverse=True)


def unfinished(folder: Path) -> list[Path]:
    """Return the checkpoints that are being written, or that killed writes have left."""
    return list(folder.glob(".epoch-*.pt.*"))


def outdated(folder: Path, newest: Path) -> list[Path]:
    """Return the checkpoints to delete once `newest` is written.

    They are all but it and the `KEPT` - 1 latest older ones. Others of the same or a later epoch
    are damaged or will be run anew.
    """
    others = [path for path in stored(folder) if path != newest]
    older = [path for path in others if epoch(path) < epoch(newest)]
    return [path for path in others if path not in older[: KEPT - 1]]


def keep_one(folder: Path) -> None:
    """Delete all checkpoints but the newest; raise OSError if the disk refuses."""
    for path in stored(folder)[1:]:
        path.unlink(missing_ok=True)
