"""Zips of small pictures, kind and hostile, for tests."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterable

from PIL import Image

Edit = Callable[[zipfile.ZipInfo], None]


def png(shade: int = 0, size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    """A small picture of one colour."""
    made = io.BytesIO()
    Image.new("RGB", size, (shade % 256, shade * 7 % 256, shade * 31 % 256)).save(made, kind)
    return made.getvalue()


def zipped(
    files: Iterable[tuple[str, bytes]],
    edit: Edit = lambda info: None,
    method: int = zipfile.ZIP_DEFLATED,
) -> io.BytesIO:
    """A zip of these files; `edit` may change an entry as the directory tells it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, content)
        for info in archive.filelist:
            edit(info)
    return made


def classes(*names: str, images: int = 2) -> list[tuple[str, bytes]]:
    """Class folders of so many different pictures each."""
    return [
        (f"{name}/{number}.png", png(number + 40 * at))
        for at, name in enumerate(names)
        for number in range(images)
    ]


def many_entries(count: int) -> io.BytesIO:
    """A directory of so many entries for one empty file, as nobody's zip program writes it."""
    name = b"a/1.png"
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), *[0] * 6
    )
    directory = (entry + name) * count
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), len(local), 0)
    return io.BytesIO(local + directory + end)
