"""What cameras keep of a scene's detail: the spectrum of LR over that of HR, on real pairs.

Power is compared at the same frequencies of the scene, so it does not matter how well the pairs are
registered. Prints a row for each camera, by the words that files begin with.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.downstream.real_pairs import HR_MARK, LR_MARK, camera_of
from benchmarks.parts import run_main
from degrade.audit.camera_prior import CAMERA_FREQUENCIES
from degrade.images.image_io import read_photo
from degrade.luma import luma_studio

SHARED = Path(__file__).parents[2] / "shared" / "data" / "pairs"
WINDOW = 64
"""LR pixels."""

LEAST_PAIRS = 12
_BAND = 0.05
_CUBIC = -0.5
"""The usual bicubic interpolation's parameter."""

Curve = npt.NDArray[np.float64]
Plane = npt.NDArray[np.floating]


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.camera_responses", description=__doc__
    )
    add = parser.add_argument
    default = [SHARED / "realsr_x4", SHARED / "drealsr_x4"]
    add("pairs", type=Path, nargs="*", default=default, help="folders of NAME_LR, NAME_HR")
    add("--marks", nargs=2, default=(LR_MARK, HR_MARK), metavar=("LR", "HR"), help="as L. H.")
    add("--enlarged", type=float, help="LR were made so many times larger, by bicubic: to HR")
    options = parser.parse_args(words)
    print("| camera | pairs | " + " | ".join(f"{f:.3f}" for f in CAMERA_FREQUENCIES) + " |")
    print("|---" * (len(CAMERA_FREQUENCIES) + 2) + "|")
    for folder in options.pairs:
        for camera, curves in by_camera(folder, tuple(options.marks), options.enlarged).items():
            if len(curves) >= LEAST_PAIRS:
                cells = " | ".join(f"{x:.2f}" for x in np.exp(np.median(curves, axis=0)))
                print(f"| {folder.name}, {camera} | {len(curves)} | {cells} |", flush=True)


def by_camera(folder: Path, marks: Sequence[str], enlarged: float | None) -> dict[str, list[Curve]]:
    """Return the logarithms of the responses of each camera's pairs."""
    found: dict[str, list[Curve]] = defaultdict(list)
    for lr_path in sorted(path for path in folder.iterdir() if marks[0] in path.name):
        hr_path = lr_path.with_name(lr_path.name.replace(marks[0], marks[1]))
        if not hr_path.is_file():
            continue
        lr, hr = (luma_studio(read_photo(path).as_u8()) for path in (lr_path, hr_path))
        scale = enlarged or hr.shape[0] / lr.shape[0]
        if min(*lr.shape, *hr.shape) < round(WINDOW * (scale if enlarged else 1)):
            continue
        curve = response(lr, hr, scale, is_enlarged=bool(enlarged))
        found[camera_of(lr_path) or folder.name].append(curve)
    if not found:
        raise SystemExit(f"{folder}: no pairs NAME{marks[0]}… and NAME{marks[1]}…")
    return found


def response(lr: Plane, hr: Plane, scale: float, *, is_enlarged: bool = False) -> Curve:
    """Return the logarithm of LR's amplitude over HR's, at :data:`CAMERA_FREQUENCIES`.

    Parameters
    ----------
    lr, hr : (H, W) arrays
    scale : float
    is_enlarged : bool
        LR was made as large as HR by bicubic interpolation, whose own response is taken off.
    """
    side = round(WINDOW * scale)
    of_lr = band_power(lr, side, scale) if is_enlarged else band_power(lr, WINDOW, 1)
    found = (np.log(of_lr) - np.log(band_power(hr, side, scale))) / 2
    return found - np.log(_interpolation(side, scale)) if is_enlarged else np.asarray(found)


def band_power(plane: Plane, side: int, scale: float) -> Curve:
    """Return mean power by bands of cycles per LR pixel, in windows that overlap by half."""
    window = np.outer(np.hanning(side), np.hanning(side))
    powers = []
    for top in range(0, plane.shape[0] - side + 1, side // 2):
        for left in range(0, plane.shape[1] - side + 1, side // 2):
            part = plane[top : top + side, left : left + side].astype(np.float64)
            powers.append(np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2)
    # HR may have another number of windows than LR, where it is cut off elsewhere.
    mean, bands = np.mean(powers, axis=0), _bands(side, scale)
    # The same total at each size: that of an image, not of its samples.
    return np.array([mean[bands == k].sum() for k in range(len(CAMERA_FREQUENCIES))]) / side**4


def _bands(side: int, scale: float) -> npt.NDArray[np.int64]:
    frequencies = np.fft.fftfreq(side) * scale
    return np.asarray(np.hypot(frequencies[:, None], frequencies) / _BAND).astype(np.int64)


def _interpolation(side: int, scale: float) -> Curve:
    """Return what bicubic interpolation keeps of LR's amplitude."""
    at = np.linspace(-2, 2, 4001)
    far, a = np.abs(at), _CUBIC
    near_part = (a + 2) * far**3 - (a + 3) * far**2 + 1
    far_part = a * far**3 - 5 * a * far**2 + 8 * a * far - 4 * a
    taps = np.where(far <= 1, near_part, far_part)
    frequencies = np.fft.fftfreq(side) * scale
    along = np.array([np.trapezoid(taps * np.cos(2 * np.pi * f * at), at) for f in frequencies])
    both, bands = np.outer(along, along) ** 2, _bands(side, scale)
    return np.array([np.sqrt(both[bands == k].mean()) for k in range(len(CAMERA_FREQUENCIES))])


if __name__ == "__main__":
    run_main(main)
