"""How the process keeps memory that it has had once, so that no step faults it in again.

glibc gives large freed blocks back to the system and takes them again at every training step, page
by page: on a CPU that is a fifth to a quarter of the time. It changes no number.
"""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Options of glibc's mallopt(3), from malloc.h."""


def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, for the rest of the process; False where it is not glibc.

    No block is mapped on its own, the heap is never trimmed, and it grows by 256 MB. So what is
    large and is dropped again while a run goes on takes its memory from `mmap_tensor` instead.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    options = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**28))
    return all(mallopt(option, value) == 1 for option, value in options)
