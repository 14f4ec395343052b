"""What the files of a training are called."""

from __future__ import annotations

from esrgan.weights.discriminators import DISCRIMINATOR_FILE

__all__ = [
    "BEST",
    "BOARD",
    "CURVES",
    "DISCRIMINATOR",
    "GENERATOR",
    "LOG_FILE",
    "PREVIEW",
    "RUN_FILE",
    "SCORES_FILE",
]

RUN_FILE = "training.json"
GENERATOR, BEST, PREVIEW = "generator.pth", "best.pth", "preview.png"
DISCRIMINATOR, CURVES = DISCRIMINATOR_FILE, "curves.png"
LOG_FILE, SCORES_FILE, BOARD = "log.jsonl", "validation.jsonl", "tensorboard"
