"""A small GAN that breaks, and what ``degrade finetune-artifacts`` makes of it.

LR is HR made smaller by 4, bicubically. A small network is trained by pixels, then with far too
high a weight of the adversarial loss, until its results break; then it is tuned on other photos.
All by the commands' own functions; a second call finds again what lies in ``--out``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from degrade.arrays import round_to_u8
from degrade.images.image_io import read_photo, write_png
from degrade.images.sources import find_images
from degrade.resample import imresize
from pipelines.artifacts.finetune import FinetuneConfig, finetune_artifacts
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from pipelines.training.train import TrainConfig, train

SHARED = Path(__file__).parents[2] / "shared" / "data"
_SCALE, _SIDE = 4, 640
_SIZES = ("features=16", "blocks=2", "growth=8", "discriminator_features=16")
_PIXELS = ("adversarial_weight=0", "learning_rate=3e-4", "pixel_steps=300")
_BREAKING = ("adversarial_weight=0.005", "learning_rate=2e-4", "pixel_steps=0")
_TUNING = ("batch_size=4",)


def main() -> None:
    """Train, break, tune, and print what has changed on the photos held out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, default=SHARED / "train2", help="photos to train on")
    parser.add_argument("--tune", type=Path, default=SHARED / "hr", help="photos to tune on")
    parser.add_argument("--out", type=Path, help="folder for everything; else none is left")
    parser.add_argument("--steps", type=int, default=360, help="of tuning, at most")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _run(given, given.out or Path(folder))


def _run(given: argparse.Namespace, out: Path) -> None:
    for name, source in (("train", given.train), ("tune", given.tune)):
        _make_lr(source, out / name)
    places = {side: out / "train" / side for side in ("hr", "lr")}
    pairs = out / "pairs"
    import_pairs(ImportPairsConfig(out=pairs, scale=_SCALE, **places))
    common = {"pairs": pairs, "hr_patch": 64, "batch_size": 4}
    mse, gan = out / "mse", out / "gan"
    train(TrainConfig(out=mse, settings=_SIZES + _PIXELS, steps=1500, **common))
    weights = mse / "generator.pth"
    broken = TrainConfig(out=gan, init=weights, settings=_SIZES + _BREAKING, steps=800, **common)
    for line in train(broken).lines:
        print(line)
    report = finetune_artifacts(
        FinetuneConfig(
            sources=(out / "tune" / "lr",),
            mse=weights,
            gan=gan / "generator.pth",
            out=out / "tuned",
            settings=_TUNING,
            steps=given.steps,
            min_area=200,
            save_every=40,
            device="cpu",
        )
    )
    print(report.summary())


def _make_lr(source: Path, out: Path) -> None:
    for file in find_images([source])[0]:
        name = f"{file.path.stem}.png"
        if (out / "lr" / name).exists():
            continue
        hr = read_photo(file.path).as_u8()
        sides = [min(_SIDE, length // _SCALE * _SCALE) for length in hr.shape[:2]]
        top, left = ((length - side) // 2 for length, side in zip(hr.shape, sides, strict=False))
        hr = hr[top : top + sides[0], left : left + sides[1]]
        write_png(out / "hr" / name, hr)
        write_png(out / "lr" / name, round_to_u8(imresize(hr.astype(np.float32), 1 / _SCALE)))


if __name__ == "__main__":
    main()
