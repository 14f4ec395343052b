"""What the files of a training are called."""

from __future__ import annotations

__all__ = [
    "BEST",
    "BOARD",
    "GENERATOR",
    "LOG_FILE",
    "PREVIEW",
    "RUN_FILE",
    "SCORES_FILE",
]

RUN_FILE = "training.json"
GENERATOR, BEST, PREVIEW = "generator.pth", "best.pth", "preview.png"
LOG_FILE, SCORES_FILE, BOARD = "log.jsonl", "validation.jsonl", "tensorboard"
