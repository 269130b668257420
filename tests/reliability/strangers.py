"""Hostile zips and images, unpacked as the Run page does, with the memory that each has taken.

    python -m tests.reliability.strangers

makes them, has them unpacked in a process of its own, and prints what was said of each, and by how
many megabytes the process had grown at its largest by then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from core.data import uploads
from core.data.summary import summarize_data
from core.data.uploads import Upload
from core.errors import DataError
from pages.components.shared.data_preview import thumbnail

ROOT = Path(__file__).parents[2]
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a zip: refused with a message, or unpacked without what was left out.

    `grown` is by how many bytes the process was larger than at its start, at its largest so far.
    """

    message: str
    images: int
    left_out: tuple[tuple[str, str], ...]
    grown: int
    stray: tuple[str, ...]


def unpacked(zips: dict[str, bytes]) -> dict[str, Outcome]:
    """What another process says of each, which is given them as files."""
    with tempfile.TemporaryDirectory() as folder:
        names = list(zips)
        for at, name in enumerate(names):
            (Path(folder) / f"{at:03}.zip").write_bytes(zips[name])
        command = [sys.executable, "-m", "tests.reliability.strangers", folder]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise AssertionError(ran.stderr[-2_000:])
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
    return {name: _outcome(line) for name, line in zip(names, lines, strict=True)}


def _outcome(line: dict[str, Any]) -> Outcome:
    pairs = tuple((path, why) for path, why in line["left_out"])
    return Outcome(**{**line, "left_out": pairs, "stray": tuple(line["stray"])})


def peak() -> int:
    """The most bytes of memory that this process has held."""
    if not _STATUS.exists():
        return int(psutil.Process().memory_info().rss)
    (line,) = [each for each in _STATUS.read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def _child(folder: Path) -> None:
    idle = peak()
    for path in sorted(folder.glob("*.zip")):
        with tempfile.TemporaryDirectory() as scratch:
            data = Path(scratch) / "data"
            said: dict[str, Any] = {"message": "", "images": 0, "left_out": []}
            try:
                with path.open("rb") as file:
                    for item in uploads.unpack(file, "x.zip", data, uploads.limits()):
                        if isinstance(item, Upload):
                            said |= {"images": item.images, "left_out": item.left_out}
                            _look(item.folder)
            except DataError as error:
                said["message"] = str(error)
            outside = [str(p) for p in Path(scratch).iterdir() if p != data]
            inside = [p.name for p in data.glob("*") if not said["images"]] if data.exists() else []
            said |= {"grown": peak() - idle, "stray": outside + inside}
            print(json.dumps(said), flush=True)


def _look(folder: Path) -> None:
    """What the Data card reads of the images: their headers, and small pictures of them."""
    for picture in summarize_data(str(folder)).samples:
        thumbnail(str(folder), "train", picture.name)


def main() -> None:
    """Print the outcome of each."""
    from tests.reliability import hostile_images, hostile_zips

    zips = {name: content for name, (content, _) in hostile_zips.made().items()}
    zips |= {f"image: {name}": content for name, (content, _) in hostile_images.zips().items()}
    for name, seen in unpacked(zips).items():
        told = seen.message or f"{seen.images} images; {dict(seen.left_out)}"
        print(f"{seen.grown / 1e6:>6.0f} MB  {name}: {told[:150]}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _child(Path(sys.argv[1]))
    else:
        main()
