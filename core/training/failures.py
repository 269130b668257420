"""What torch raises when a run is too large or too small for it, told as a person can mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from core.errors import RunError
from core.runs.settings import RunSettings


@contextmanager
def in_words(settings: RunSettings) -> Iterator[None]:
    """Turn what torch raises for lack of memory, or for tiny batches, into a RunError."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(settings) from error
    except (RuntimeError, ValueError) as error:
        if "can't allocate memory" in str(error):
            raise _out_of_memory(settings) from error
        if "more than 1 value per channel" in str(error):
            raise RunError(
                f"--batch-size is {settings.batch_size}, too small for a BatchNorm that trains: "
                "use 2 or more, or a larger --image-size"
            ) from error
        raise


def _out_of_memory(settings: RunSettings) -> RunError:
    return RunError(
        f"the memory ran out with --batch-size {settings.batch_size} and --image-size "
        f"{settings.image_size}: halve one of them, or thaw fewer groups"
    )
