"""Photos to enlarge with a network that interpolates, and what comes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from degrade.images.image_io import quantise, write_png
from esrgan.networks import RRDBNet
from esrgan.training.checkpoints import write_generator
from esrgan.training.first_weights import start_as_interpolation
from pipelines.shared.reports import RunReport
from pipelines.upscaling.upscale import UpscaleConfig, upscale
from tests.making import make_scene


def write_interpolator(path: Path, *, scale: int = 4, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    generator = RRDBNet(scale=scale, features=12, blocks=1, growth=2)
    start_as_interpolation(generator)
    write_generator(path, generator)
    return path


def run(
    tmp_path: Path, weights: Path, *sources: Path, out: str = "out", **settings: Any
) -> RunReport:
    settings = {"tile": 16, "device": "cpu"} | settings
    return upscale(UpscaleConfig(sources=sources, weights=weights, out=tmp_path / out, **settings))


def photos(tmp_path: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_png(tmp_path / "in" / name, quantise(make_scene(name, 20, 30 + number)))
    return tmp_path / "in"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
