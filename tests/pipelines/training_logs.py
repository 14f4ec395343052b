"""What trainings have logged."""

from __future__ import annotations

import json
from pathlib import Path

TIMES = ("steps_a_second", "waiting")


def log_of(folder: Path, name: str = "log.jsonl") -> list[dict[str, float]]:
    """Return the lines of a log, without what is measured by the clock."""
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    return [{key: line[key] for key in line if key not in TIMES} for line in lines]
