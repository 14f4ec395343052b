"""Planted artefacts of eight kinds: which are found, and how much clean texture is flagged.

Each photo's middle stands for what a perfect GAN would give; made smaller by 2 and larger again it
stands for the result of a network trained by pixels. An artefact is planted into an ellipse. Every
second photo calibrates and sets the thresholds, the others are judged. All detectors go the same
way from their map on. Each is shown at 0.7, and where it flags as much of the clean photos that
calibrate as the published one does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.parts import run_main
from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.artifacts import TextureWeights, calibrate, sample_textures, texture_similarity
from degrade.artifacts.detection import DetectionSettings, flag
from degrade.artifacts.regions import local_ssim
from degrade.images.image_io import read_photo
from degrade.images.sources import find_images
from degrade.resample import imresize
from degrade.rng import rng_for

SHARED = Path(__file__).parents[2] / "shared" / "data" / "hr"
_SIDE = 640
_AXES = (72, 56)
_BITS = 12
_SETTINGS = DetectionSettings()

Plant = Callable[[FloatArray, np.random.Generator], FloatArray]


def _grid(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    rows, columns = np.indices(levels.shape[:2])
    lines = (rows % 8 == 0) | (columns % 8 == 0)
    return levels + (40 * lines)[..., None].astype(np.float32)


def _checkerboard(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    rows, columns = np.indices(levels.shape[:2])
    return levels + (24 * (-1.0) ** (rows + columns))[..., None].astype(np.float32)


def _ringing(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    band = cv2.GaussianBlur(levels, (0, 0), 1.2) - cv2.GaussianBlur(levels, (0, 0), 2.4)
    return np.asarray(levels + 4 * cv2.GaussianBlur(band, (0, 0), 0.7) + 2 * band)


def _texture(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    worms = cv2.GaussianBlur(rng.normal(0, 1, levels.shape[:2]).astype(np.float32), (0, 0), 1.5)
    return np.asarray(levels + (25 * worms / worms.std())[..., None])


def _blot(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray(levels + np.array([70, -50, 30], np.float32))


def _melted(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    rows, columns = np.indices(levels.shape[:2]).astype(np.float32)
    waves = (cv2.GaussianBlur(rng.normal(0, 1, rows.shape).astype(np.float32), (0, 0), 7)) * 100
    return np.asarray(cv2.remap(levels, columns + waves, rows - waves, cv2.INTER_LINEAR))


def _repeated(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    tile = rng.normal(0, 1, (16, 16)).astype(np.float32)
    tile = cv2.GaussianBlur(np.tile(tile, (3, 3)), (0, 0), 1.0)[16:32, 16:32]
    times = [side // 16 + 1 for side in levels.shape[:2]]
    pattern = np.tile(tile, times)[: levels.shape[0], : levels.shape[1]]
    return np.asarray(levels + (25 * pattern / pattern.std())[..., None])


def _oversharpened(levels: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.asarray(levels + 4 * (levels - cv2.GaussianBlur(levels, (0, 0), 1.5)))


KINDS: dict[str, Plant] = {
    "grid": _grid,
    "checkerboard": _checkerboard,
    "ringing": _ringing,
    "hallucinated texture": _texture,
    "colour blot": _blot,
    "melted lines": _melted,
    "repeated pattern": _repeated,
    "over-sharpening": _oversharpened,
}


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.artifacts", description=__doc__)
    parser.add_argument("photos", type=Path, nargs="*", default=[SHARED], help="clean photos")
    options = parser.parse_args(words)
    cv2.setNumThreads(1)
    scenes = [scene for scene in map(_scene, find_images(options.photos)[0]) if scene is not None]
    calibrating, judged = scenes[::2], scenes[1::2]
    textures = calibrate([sample_textures(_soft(scene), scene) for scene in calibrating])
    maps: dict[str, Callable[[U8Array, U8Array], FloatArray]] = {
        "similarity (published)": texture_similarity,
        "similarity, calibrated": lambda mse, gan: _calibrated(textures, mse, gan),
        "local SSIM": local_ssim,
        "the lower of both": lambda mse, gan: np.minimum(
            _calibrated(textures, mse, gan), local_ssim(mse, gan)
        ),
    }
    alarm = _alarms(calibrating, texture_similarity, _SETTINGS.threshold)
    print(
        f"{len(calibrating)} photos calibrate, {len(judged)} are judged; {alarm:.2%} of the first"
    )
    print("are flagged by the published map at 0.7\n")
    print(f"| map | threshold | clean, flagged | {' | '.join(KINDS)} | all |")
    print(f"|{'---|' * (len(KINDS) + 4)}")
    for name, make in maps.items():
        own = () if make is texture_similarity else (_threshold(calibrating, make, alarm),)
        for threshold in (_SETTINGS.threshold, *own):
            clean = _alarms(judged, make, threshold)
            found = [_sensitivity(judged, make, threshold, kind) for kind in KINDS]
            shares = " | ".join(f"{share:.0%}" for share in (*found, np.mean(found)))
            print(f"| {name} | {threshold:.3f} | {clean:.2%} | {shares} |", flush=True)


def _scene(file: object) -> U8Array | None:
    photo = read_photo(file.path).as_u8()  # type: ignore[attr-defined]
    if min(photo.shape[:2]) < _SIDE:
        return None
    top, left = ((side - _SIDE) // 2 for side in photo.shape[:2])
    return photo[top : top + _SIDE, left : left + _SIDE]


def _soft(gan: U8Array) -> U8Array:
    small = imresize(gan.astype(np.float32), 0.5)
    return round_to_u8(imresize(small, 2))


def _calibrated(textures: TextureWeights, mse: U8Array, gan: U8Array) -> FloatArray:
    return np.asarray(np.minimum(texture_similarity(mse, gan) * textures.of(mse), np.float32(1)))


def _alarms(
    scenes: Sequence[U8Array], make: Callable[[U8Array, U8Array], FloatArray], threshold: float
) -> float:
    """Return the share of clean pixels that is flagged."""
    settings = DetectionSettings(threshold=threshold)
    return float(np.mean([(flag(make(_soft(s), s), settings).flagged).mean() for s in scenes]))


def _threshold(
    scenes: Sequence[U8Array], make: Callable[[U8Array, U8Array], FloatArray], alarm: float
) -> float:
    """Return the threshold that flags as much of clean photos."""
    maps = [make(_soft(scene), scene) for scene in scenes]
    low, high = 0.0, 1.0
    for _ in range(_BITS):
        middle = (low + high) / 2
        settings = DetectionSettings(threshold=middle)
        share = np.mean([flag(each, settings).flagged.mean() for each in maps])
        low, high = (middle, high) if share <= alarm else (low, middle)
    return max(low, 2.0**-_BITS)


def _sensitivity(
    scenes: Sequence[U8Array],
    make: Callable[[U8Array, U8Array], FloatArray],
    threshold: float,
    kind: str,
) -> float:
    """Return the share of planted artefacts of which at least half is flagged."""
    settings, seen = DetectionSettings(threshold=threshold), []
    for number, scene in enumerate(scenes):
        rng = rng_for(0, "planted", kind, number)
        places = rng.integers(100, _SIDE - 100, 2)
        mask = np.zeros(scene.shape[:2], np.uint8)
        cv2.ellipse(mask, [int(each) for each in places], _AXES, 30, 0, 360, 1, -1)
        levels = scene.astype(np.float32)
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2)[..., None]
        broken = round_to_u8(levels + soft * (KINDS[kind](levels, rng) - levels))
        found = flag(make(_soft(scene), broken), settings).flagged
        seen.append(found[mask > 0].mean() >= 0.5)
    return float(np.mean(seen))


if __name__ == "__main__":
    run_main(main)
