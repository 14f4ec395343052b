"""Blur that depends on direction, planted on half of the photos, and what ``degrade diff`` sees.

    python -m benchmarks.directed_blur [--photos FOLDER …] [--count N] [--draws N]

The other half is blurred alike from all sides, so that both keep as much on average. Drawn anew
each time are the scenes of both halves. Beside it: how often ``degrade diff`` sees a direction
where both halves have the same blur, or none.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.downstream.command import SHARED
from benchmarks.parts import run_main
from degrade.arrays import U8Array, round_to_u8
from degrade.audit.comparison import Comparison, compare_sets
from degrade.audit.features import PhotoFeatures, measure_features, windows_of
from degrade.images.image_io import read_photo
from degrade.rng import rng_for

Plane: TypeAlias = npt.NDArray[np.float64]

GAUSSIANS = (1.3, 1.6, 2.0)
"""How much wider along than across; the mean width is ``_SIGMA``."""

MOTIONS = (3.0, 4.5, 6.0)
"""Pixels."""

ANGLES = (0, 30, 90)
"""Degrees from the rows, rising to the right."""

_SIGMA, _LENS = 0.8, 0.4
_NOISE = 0.7
_WINDOW, _LARGEST = 128, 256
_MARGIN = 24
_COMPARED = (0.08, 0.4)
"""Cycles per pixel: blur alike from all sides keeps as much there."""

_LEAST_KEPT = 0.1
_NEAR = 15.0
_BOTH_WAYS = 180


@dataclass(frozen=True, slots=True)
class Blur:
    """A Gaussian along and across an angle, and a motion along it; widths in pixels."""

    along: float = 0.0
    across: float = 0.0
    motion: float = 0.0
    angle: float = 0.0

    def kept(self, down: Plane, right: Plane) -> Plane:
        """Return which share of the amplitude it keeps at frequencies in cycles per pixel."""
        turn = np.deg2rad(self.angle)
        forward = right * np.cos(turn) - down * np.sin(turn)
        sideways = right * np.sin(turn) + down * np.cos(turn)
        spread = np.square(self.along * forward) + np.square(self.across * sideways)
        return np.asarray(np.exp(-2 * np.pi**2 * spread) * np.sinc(self.motion * forward))


def blurs(kind: str) -> Mapping[float, tuple[Blur, ...]]:
    """Return, by strength, one blur that is alike from all sides, and those of each angle."""
    found = {}
    for strength in GAUSSIANS if kind == "Gaussian" else MOTIONS:
        root = strength**0.5
        turned = [
            Blur(_SIGMA * root, _SIGMA / root, angle=angle)
            if kind == "Gaussian"
            else Blur(_LENS, _LENS, strength, angle)
            for angle in ANGLES
        ]
        found[strength] = (round_like(turned[0]), *turned)
    return found


def round_like(blur: Blur) -> Blur:
    """Return the Gaussian, alike from all sides, that keeps as much, by its mean logarithm."""
    down, right = np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64), indexing="ij")
    radius = np.hypot(down, right)
    counted = (radius > _COMPARED[0]) & (radius < _COMPARED[1])

    def mean(one: Blur) -> float:
        share = np.abs(one.kept(down, right))[counted]
        return float(np.log(np.maximum(share, _LEAST_KEPT)).mean())

    low, high = 0.05, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(Blur(middle, middle)) > mean(blur) else (low, middle)
    return Blur(low, low)


def taken(photo: U8Array, blur: Blur, *key: str | int) -> U8Array:
    """Return a photo behind a blur, with a little noise, as of what is behind no blur."""
    around = ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0))
    wide = np.pad(photo.astype(np.float64), around, mode="symmetric")
    grid = np.meshgrid(*(np.fft.fftfreq(side) for side in wide.shape[:2]), indexing="ij")
    spectra = np.fft.fft2(wide, axes=(0, 1)) * blur.kept(*grid)[..., None]
    levels = np.fft.ifft2(spectra, axes=(0, 1)).real[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    levels += rng_for(0, "noise", *key).normal(0, _NOISE, levels.shape)
    return round_to_u8(np.clip(levels, 0, 255).astype(np.float32))


def features(photo: U8Array) -> PhotoFeatures:
    """Measure a photo as ``degrade diff`` does, in windows of 128 pixels."""
    return PhotoFeatures.mean_of([measure_features(part) for part in windows_of(photo, _WINDOW)])


@dataclass
class Seen:
    """What some comparisons saw, added up."""

    draws: int = 0
    auc: float = 0.0
    told_apart: int = 0
    named: int = 0
    right: int = 0
    size: float = 0.0

    def add(self, found: Comparison, angle: float) -> None:
        """Count one comparison; ``angle`` is what was planted."""
        if found.result is None:
            return
        (direction,) = [each for each in found.differences if each.angle is not None]
        self.draws += 1
        self.auc += found.result.auc
        self.told_apart += found.result.told_apart
        self.named += direction.is_there
        off = (float(direction.angle or 0) - angle + _BOTH_WAYS / 2) % _BOTH_WAYS - _BOTH_WAYS / 2
        self.right += direction.is_there and abs(off) <= _NEAR
        self.size += direction.size

    def row(self, name: str) -> str:
        """Return a row of the table."""
        count = max(self.draws, 1)
        return (
            f"| {name} | {self.auc / count:.2f} | {self.told_apart} | {self.named} | "
            f"{self.right} | {self.size / count:.1f} | {self.draws} |"
        )


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.directed_blur", description=__doc__)
    default = [SHARED / name for name in ("train", "train2", "pairs/realsr_x4")]
    parser.add_argument("--photos", type=Path, nargs="+", default=default)
    parser.add_argument("--most", type=int, default=80, help="photos of a folder")
    parser.add_argument("--count", type=int, default=40, help="photos of each half")
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args(words)
    sets = {folder.name: read_photos(folder, options.most) for folder in options.photos}
    for row in rows(sets, options.count, options.draws):
        print(row, flush=True)


def read_photos(folder: Path, most: int) -> list[U8Array]:
    """Return an even choice of a folder's photos, the middle 256 pixels; of pairs the LR."""
    paths = [path for path in sorted(folder.glob("*.png")) if not path.stem.endswith("_HR")]
    chosen = paths[:: max(-(-len(paths) // most), 1)]
    photos = []
    for path in chosen:
        photo = read_photo(path).as_u8()
        height, width = (min(side, _LARGEST) for side in photo.shape[:2])
        top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
        photos.append(photo[top : top + height, left : left + width])
    return photos


def rows(sets: Mapping[str, Sequence[U8Array]], count: int, draws: int) -> Iterator[str]:
    """Yield the rows of the table, for people."""
    yield "| planted, against as much from all sides | AUC | told apart | named | right | dB | of |"
    yield "|---|---|---|---|---|---|---|"
    photos = [photo for part in sets.values() for photo in part]
    for kind in ("Gaussian", "motion"):
        for strength, (plain, *turned) in blurs(kind).items():
            first = measured(photos, plain)
            for blur in turned:
                seen = Seen()
                for a, b, rng in halves(first, measured(photos, blur), count, draws):
                    seen.add(compare_sets(a, b, rng), blur.angle)
                yield seen.row(f"{kind} {strength:g}, {blur.angle:g}°")
            same = Seen()
            for a, b, rng in halves(first, first, count, draws):
                same.add(compare_sets(a, b, rng), 0)
            yield same.row(f"{kind} {strength:g}: from all sides, twice")
    whole = {name: [features(photo) for photo in part] for name, part in sets.items()}
    for name, part in whole.items():
        seen = Seen()
        for a, b, rng in halves(part, part, min(count, len(part) // 2), draws):
            seen.add(compare_sets(a, b, rng), 0)
        yield seen.row(f"halves of {name}")


def measured(photos: Sequence[U8Array], blur: Blur) -> list[PhotoFeatures]:
    """Measure all photos behind a blur."""
    return [features(taken(photo, blur, number, repr(blur))) for number, photo in enumerate(photos)]


def halves(
    first: Sequence[PhotoFeatures], second: Sequence[PhotoFeatures], count: int, draws: int
) -> Iterator[tuple[list[PhotoFeatures], list[PhotoFeatures], np.random.Generator]]:
    """Yield two sets of other scenes, drawn anew, and a generator for what is made of them."""
    for draw in range(draws):
        order = rng_for(draw, "halves").permutation(len(first))
        ours, theirs = order[:count], order[count : 2 * count]
        yield (
            [first[place] for place in ours],
            [second[place] for place in theirs],
            rng_for(draw, "compared"),
        )


if __name__ == "__main__":
    run_main(main)
