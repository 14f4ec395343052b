"""How much of a scene's colours do cameras keep? Real pairs tell.

    python -m benchmarks.colour_coherence [--pairs FOLDER …]

LR is laid beside its own HR, made smaller by bicubic interpolation, in grey and in colours (Cb and
Cr). What of LR follows HR is what the camera kept of the scene; all power, of which the rest is
noise and false colours, is what spectra show that were taken of photos alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.downstream.command import SHARED
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs, scale_of
from benchmarks.parts import run_main
from degrade.audit.flat_blocks import chroma_planes
from degrade.audit.spectra import WINDOW, spread_windows
from degrade.luma import luma
from degrade.resample import imresize

BANDS = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45])
"""Cycles per LR pixel: the middles of bands of 0.05."""

_MOST_WINDOWS = 64

Planes = npt.NDArray[np.floating]
Curve = npt.NDArray[np.float64]


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.colour_coherence", description=__doc__
    )
    default = [SHARED / "pairs" / name for name in ("realsr_x4", "drealsr_x4")]
    parser.add_argument("--pairs", type=Path, nargs="+", default=default, help="NAME_LR, NAME_HR")
    options = parser.parse_args(words)
    print("| photos | kept of | " + " | ".join(f"{band:.2f}" for band in BANDS) + " |")
    print("|---" * (len(BANDS) + 2) + "|")
    for folder in options.pairs:
        for what, curve in responses(read_real_pairs(folder)).items():
            print(f"| {folder.name} | {what} | " + " | ".join(f"{x:.2f}" for x in curve) + " |")


def responses(pairs: Sequence[RealPair]) -> dict[str, Curve]:
    """Return which share of bicubic LR's amplitude LR has, by :data:`BANDS`, in words.

    Of what follows HR it is the cross-spectrum over HR's power; by power the root of the ratio.
    """
    sums = sum(_sums(pair) for pair in pairs)
    lr, hr, both = np.moveaxis(np.asarray(sums), 1, 0)
    kept, power = both / hr, np.sqrt(lr / hr)
    return {"grey": kept[0], "colours": kept[1], "colours, by power": power[1]}


def _sums(pair: RealPair) -> Curve:
    """Return power of LR and of HR, and what both share, of grey and of colours: (2, 3, bands)."""
    height, width = pair.lr_u8.shape[:2]
    small = imresize(pair.hr_u8.astype(np.float32), 1 / scale_of([pair]))
    ours, theirs = (
        _planes(each[:height, :width].astype(np.float32)) for each in (pair.lr_u8, small)
    )
    rows, columns = np.meshgrid(np.fft.fftfreq(WINDOW), np.fft.fftfreq(WINDOW))
    band = np.rint((np.hypot(rows, columns).ravel() - BANDS[0]) / (BANDS[1] - BANDS[0])).astype(int)
    inside = (band >= 0) & (band < len(BANDS))
    found = np.zeros((2, 3, len(BANDS)))
    for kind, planes in enumerate(((0,), (1, 2))):
        for plane in planes:
            a, b = _waves(ours[plane]), _waves(theirs[plane])
            for place, power in enumerate((np.abs(a) ** 2, np.abs(b) ** 2, (a * b.conj()).real)):
                total = power.sum(axis=0).ravel()[inside]
                found[kind, place] += np.bincount(band[inside], total, len(BANDS))
    return found


def _planes(levels: npt.NDArray[np.float32]) -> list[Planes]:
    grey = luma(levels)
    return [grey, *chroma_planes(levels, grey)]


def _waves(plane: Planes) -> npt.NDArray[np.complex128]:
    """Return the transforms of windows that lie evenly over a plane."""
    windows = spread_windows(plane, WINDOW, _MOST_WINDOWS)
    tapered = (windows - windows.mean(axis=(1, 2), keepdims=True)) * np.hanning(WINDOW)[:, None]
    return np.asarray(np.fft.fft2(tapered * np.hanning(WINDOW)))


if __name__ == "__main__":
    run_main(main)
