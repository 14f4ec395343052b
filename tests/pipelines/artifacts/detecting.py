"""``detect-artifacts`` run on folders of results."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner, Result

from pipelines.cli import main

SMALL = ("--min-area", 300)


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def write_gray(path: Path, plane: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(cv2.imencode(".png", plane.astype(np.uint8))[1].tobytes())


def folders(results: Path) -> tuple[str | Path, ...]:
    out = results / "out"
    return ("detect-artifacts", "--mse", results / "mse", "--gan", results / "gan", "--out", out)


def rename(results: Path, gan: str, mse: str) -> None:
    for side, called in (("gan", gan), ("mse", mse)):
        for number in range(3):
            old = results / side / f"{number}.png"
            old.rename(results / side / f"{called.format(number)}.png")
