"""What several benchmarks share: a clock, a pool that is drawn at random, and their output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from degrade.disk.results import Results
from degrade.errors import DegradeError
from degrade.noise import NoisePatch
from degrade.pool import Provenance

__all__ = ["DRAWN", "draw_noise", "run_main", "seconds", "write_json"]

DRAWN = Provenance(
    source_name="drawn",
    source_sha256=None,
    box=None,
    method="drawn",
    settings={},
    tool_version="0",
)
"""Where kernels and noise patches of benchmarks come from."""


def draw_noise(rng: np.random.Generator, count: int) -> Iterator[NoisePatch]:
    """Yield noise patches of 256 pixels, 4 grey levels strong."""
    for _ in range(count):
        pixels = np.rint(rng.normal(120, 4, (256, 256, 3))).clip(0, 255).astype(np.uint8)
        yield NoisePatch(pixels, 16.0, 120.0, "drawn", (0, 0, 256, 256))


def seconds(
    job: Callable[[], object], times: int = 1, *, clock: Callable[[], float] = time.process_time
) -> float:
    """Return the mean time that a job takes; CPU time unless another clock is given."""
    start = clock()
    for _ in range(times):
        job()
    return (clock() - start) / times


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write the figures, if a file was asked for."""
    if path is not None:
        text = json.dumps(figures, indent=1) + "\n"
        Results(path.parent, "benchmarks").write(path, text.encode())


def run_main(main: Callable[[], None]) -> None:
    """Run a benchmark; data that are not there, or cannot be used, end it in one line."""
    try:
        main()
    except (DegradeError, OSError) as error:
        raise SystemExit(str(error)) from error
