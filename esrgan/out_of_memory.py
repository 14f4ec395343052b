"""Running out of memory, said in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from degrade.errors import DegradeError

__all__ = ["naming_lack_of_memory"]


@contextmanager
def naming_lack_of_memory(advice: str) -> Iterator[None]:
    """Turn PyTorch's ways of running out of memory into a DegradeError that ends with advice."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DegradeError(f"out of memory: {advice}") from error
    except RuntimeError as error:
        # The allocator for CPUs has no exception of its own.
        if "can't allocate memory" not in str(error):
            raise
        raise DegradeError(f"out of memory: {advice}") from error
