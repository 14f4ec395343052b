"""What trainings have logged."""

from __future__ import annotations

import json
from pathlib import Path


def log_of(folder: Path, name: str = "log.jsonl") -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]
