"""``finetune-artifacts`` run on four photos by micro networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from esrgan.networks import RRDBNet
from esrgan.training.first_weights import start_as_interpolation
from esrgan.weights.files import weights_of, write_weights
from pipelines.artifacts.finetune import FinetuneConfig, finetune_artifacts
from pipelines.shared.reports import RunReport

TUNING = ("--min-area", 40, "--steps", 60, "--save-every", 10, "--share", 2, "--device", "cpu")
RATE = tuple(
    word
    for setting in ("learning_rate=1e-3", "hr_patch=32", "batch_size=2")
    for word in ("--set", setting)
)


def write_network(path: Path, *, sharpening: float, scale: int = 2) -> Path:
    """Write an interpolation; with sharpening it overshoots at edges, as some GANs do."""
    torch.manual_seed(0)
    network = RRDBNet(scale=scale, features=12, blocks=1, growth=4)
    start_as_interpolation(network)
    with torch.no_grad():
        for colour in range(3):
            kernel = network.conv_last.weight[colour, colour]
            kernel -= sharpening / 9
            kernel[1, 1] += sharpening
    write_weights(path, weights_of(network))
    return path


def command(place: Path, out: str = "out") -> tuple[str | Path, ...]:
    networks = ("--mse", place / "mse.pth", "--gan", place / "gan.pth")
    return ("finetune-artifacts", place / "lr", *networks, "--out", place / out)


def config(place: Path, out: str = "out", steps: int = 6) -> FinetuneConfig:
    return FinetuneConfig(
        sources=(place / "lr",),
        mse=place / "mse.pth",
        gan=place / "gan.pth",
        out=place / out,
        settings=("learning_rate=1e-3", "hr_patch=32", "batch_size=2"),
        steps=steps,
        save_every=2,
        share=2,
        min_area=40,
        device="cpu",
    )


def as_words(settings: FinetuneConfig) -> dict[str, object]:
    return {name: getattr(settings, name) for name in FinetuneConfig.__dataclass_fields__}


def changed(place: Path, **changes: object) -> Callable[[], RunReport]:
    settings = FinetuneConfig(**{**as_words(config(place)), **changes})
    return lambda: finetune_artifacts(settings)
