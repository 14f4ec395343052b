"""How like photos is LR by a kernel that was fitted to each photo's own HR? Real pairs tell.

    python -m benchmarks.linear_limit [--pairs FOLDER …] [--noise TIMES …]

Each photo gets what nobody has who measures photos alone: the kernel that makes most of it of its
own HR, by least squares, and then its own spectrum, band by band, in grey and in colours. Noise is
added by the model of all photos together. What the classifier of ``degrade audit`` still sees is
beside the spectrum, whoever measures it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.downstream.command import SHARED
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs
from degrade.arrays import round_to_u8
from degrade.audit.closed_loop import mean_gap
from degrade.audit.comparison import compare_sets
from degrade.audit.features import PhotoFeatures, measure_features
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.errors import InvalidValueError
from degrade.luma import LUMA_WEIGHTS
from degrade.noise.model import NoiseModel, fit_noise, make_noise
from degrade.noise.statistics import measure_noise
from degrade.rng import rng_for

_REACH = 2.5
"""LR pixels to each side that a kernel has."""

_RIDGE = 3e-4
"""Of the mean of the squares that the taps meet."""

_ROUNDS, _STEP = 6, 0.8
_MOST_GAIN = 2.0
_MARGIN = 16
_DB = 20 / np.log(10)

_Planes = npt.NDArray[np.float64]


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.linear_limit", description=__doc__)
    default = [SHARED / "pairs" / name for name in ("realsr_x4", "drealsr_x4")]
    parser.add_argument("--pairs", type=Path, nargs="+", default=default, help="NAME_LR, NAME_HR")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0, 0.35, 0.7])
    options = parser.parse_args(words)
    print("| photos | noise, times | spectra apart, dB | AUC | differences |")
    print("|---|---|---|---|---|")
    for folder in options.pairs:
        pairs = read_real_pairs(folder)
        for row in rows(folder.name, pairs, options.noise):
            print(row, flush=True)


def rows(name: str, pairs: Sequence[RealPair], noise: Sequence[float]) -> Iterator[str]:
    """Yield a row for people for each strength of the noise."""
    photos = [measure_features(pair.lr_u8) for pair in pairs]
    clean = [best_linear(pair) for pair in pairs]
    model = _noise_of(pairs)
    keys = [pair.lr_path.name for pair in pairs]
    for times in noise:
        made = []
        for number, (photo, lr) in enumerate(zip(photos, clean, strict=True)):
            own = np.zeros_like(lr)
            if times and model is not None:
                own += times * make_noise(model, lr.astype(np.float32), number)
            made.append(with_spectrum_of(photo, lr, own))
        found = compare_sets(photos, made, rng_for(0, name), first_keys=keys, second_keys=keys)
        gaps = [mean_gap([a.spectrum - b.spectrum]) for a, b in zip(photos, made, strict=True)]
        apart = _DB * np.sqrt(np.mean(np.square(gaps)))
        told = ", ".join(each.kind.name for each in found.named) or "none"
        auc = "–"
        if found.result is not None:
            auc = "{:.2f} [{:.2f}, {:.2f}]".format(found.result.auc, *found.result.interval)
        yield f"| {name}, {len(pairs)} | {times:g} | {apart:.2f} | {auc} | {told} |"


def best_linear(pair: RealPair) -> _Planes:
    """Return what the best kernel makes of HR, fitted to luma, each channel with LR's mean.

    Returns
    -------
    (h, w, 3) float64 array
        Grey levels, of the size of LR.
    """
    lr = pair.lr_u8.astype(np.float64)
    height, width = lr.shape[:2]
    scale = pair.hr_u8.shape[0] // height
    reach = round(_REACH * scale)
    around = (reach, reach + scale - 1)
    hr = np.pad(pair.hr_u8.astype(np.float64), (around, around, (0, 0)), mode="reflect")
    taps = range(2 * reach + scale)

    def seen(channel: _Planes) -> _Planes:
        """Return what each tap meets, (h · w, taps²), less its mean."""
        columns = [
            channel[i : i + scale * height : scale, j : j + scale * width : scale].ravel()
            for i in taps
            for j in taps
        ]
        table = np.stack(columns, axis=1)
        return np.asarray(table - table.mean(axis=0))

    luma, wanted = seen(hr @ LUMA_WEIGHTS), (lr @ LUMA_WEIGHTS).ravel()
    squares = luma.T @ luma
    squares[np.diag_indices_from(squares)] += _RIDGE * np.trace(squares) / len(squares)
    kernel = np.linalg.solve(squares, luma.T @ (wanted - wanted.mean()))
    made = [seen(hr[..., channel]) @ kernel for channel in range(3)]
    return np.stack(made, axis=1).reshape(lr.shape) + lr.mean(axis=(0, 1))


def with_spectrum_of(photo: PhotoFeatures, lr: _Planes, noise: _Planes) -> PhotoFeatures:
    """Measure LR that was given the spectrum of a photo, with what is added behind it."""
    luma = lr @ LUMA_WEIGHTS
    colours = lr - luma[..., None]
    gain, colour_gain = (np.zeros(len(BAND_FREQUENCIES)) for _ in range(2))
    for last in [False] * _ROUNDS + [True]:
        levels = _filtered(luma, gain)[..., None] + noise
        levels += np.stack([_filtered(colours[..., i], colour_gain) for i in range(3)], axis=-1)
        found = measure_features(round_to_u8(np.clip(levels, 0, 255).astype(np.float32)))
        if not last:
            gain += _STEP * mean_gap([photo.spectrum - found.spectrum])
            colour_gain += _STEP * mean_gap([photo.colour_spectrum - found.colour_spectrum])
            for each in (gain, colour_gain):
                np.clip(each, -_MOST_GAIN, _MOST_GAIN, out=each)
    return found


def _filtered(plane: _Planes, gain: _Planes) -> _Planes:
    wide = np.pad(plane, _MARGIN, mode="reflect")
    rows, columns = (np.fft.fftfreq(wide.shape[0]), np.fft.rfftfreq(wide.shape[1]))
    response = np.exp(np.interp(np.hypot(rows[:, None], columns), BAND_FREQUENCIES, gain))
    made = np.fft.irfft2(np.fft.rfft2(wide) * response, wide.shape)
    return np.asarray(made[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])


def _noise_of(pairs: Sequence[RealPair]) -> NoiseModel | None:
    """Return the model of all photos together; None where none tells its noise."""
    told = []
    for pair in pairs:
        with suppress(InvalidValueError):  # nothing in it is flat
            told.append(measure_noise(pair.lr_u8))
    return fit_noise(told).model if told else None


if __name__ == "__main__":
    main()
