"""PSNR of images that lie off their reference by a part of a pixel, or have other levels.

The two sides of a real pair were taken by two exposures: they lie off by tenths of a pixel, and one
is a little brighter. Plain PSNR counts both as errors of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import AnyArray
from degrade.luma import luma_studio
from degrade.metrics.fidelity import mean_square_error, psnr_of_error
from degrade.metrics.planes import PEAK, Plane, PlanePair, strips_of

__all__ = ["LARGEST_SHIFT", "Alignment", "align"]

LARGEST_SHIFT = 4.0
"""Pixels; beyond, nothing is looked for."""

_LOBES = 4
_ROUGH, _FINE = 12, 8
"""Steps at most: on smoothed planes, which find shifts of pixels, and on the planes as they are."""

_SMOOTHING = 2.0
_REACH = int(4 * _SMOOTHING + 0.5)
_HALO = int(LARGEST_SHIFT) + _LOBES + _REACH + 1
_PIXELS = 2**18
_CLOSE_ROUGH, _CLOSE = 0.02, 5e-4

_Shift = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How an image lies to its reference, and what is left when that is undone.

    Attributes
    ----------
    shift : (float, float)
        Rows and columns by which the image has to be moved, in pixels.
    aligned : float
        PSNR on Y in dB after the shift; never less than without.
    calibrated : float
        The same after the shift, and a gain and an offset of each colour.
    gains, offsets : (float, float, float)
        Of red, green and blue: reference ≈ gain · image + offset, in grey levels.
    """

    shift: tuple[float, float]
    aligned: float
    calibrated: float
    gains: tuple[float, float, float]
    offsets: tuple[float, float, float]


def align(image: AnyArray, reference: AnyArray, *, border: int) -> Alignment:
    """Find the shift of up to four pixels, and the levels, that bring an image to its reference.

    The image is moved by Lanczos' kernel of four lobes. It is mirrored at its edges, and the same
    pixels are compared as without a shift.

    Parameters
    ----------
    image, reference : (H, W, 3) uint8 arrays, or float arrays on [0, 1]
    border : int
        Pixels that are left out along each edge.

    Raises
    ------
    InvalidValueError
        The shapes differ, or nothing is left inside the border.

    References
    ----------
    Lucas and Kanade, "An iterative image registration technique", IJCAI 1981, for a translation of
    the whole image, with gain and offset left free. The last steps minimise the very error that is
    told.
    """
    pair = PlanePair(image, reference, border)
    pair.require(1)
    plain = mean_square_error(pair)
    shift: _Shift = np.zeros(2)
    if plain > 0 and min(pair.shape) > _HALO:
        shift = _find_shift(pair)
    moved, moments = _compare(pair, shift)
    if moved >= plain and shift.any():
        shift = np.zeros(2)
        moved, moments = _compare(pair, shift)
    gains, offsets, left = _calibrate(moments)
    return Alignment(
        shift=(float(shift[0]), float(shift[1])),
        aligned=psnr_of_error(min(moved, plain), peak=PEAK),
        calibrated=psnr_of_error(min(left, moved, plain), peak=PEAK),
        gains=gains,
        offsets=offsets,
    )


def _find_shift(pair: PlanePair) -> _Shift:
    shift: _Shift = np.zeros(2)
    for steps, prepare, close in (
        (_ROUGH, _smoothed, _CLOSE_ROUGH),
        (_FINE, _as_it_is, _CLOSE),
    ):
        for _ in range(steps):
            step = _step(pair, shift, prepare)
            shift = np.clip(shift + np.clip(step, -1, 1), -LARGEST_SHIFT, LARGEST_SHIFT)
            if np.abs(step).max() < close:
                break
    return shift


def _step(pair: PlanePair, shift: _Shift, prepare: Callable[[Plane], Plane]) -> _Shift:
    """Return by how much further to move: least squares, gain and offset left free."""
    gram, against = np.zeros((4, 4)), np.zeros(4)
    for wider, (first, last), inner in _parts(pair):
        image, reference = wider.rows(first, last)
        moved = prepare(_moved(image, shift))
        rows, columns = (np.gradient(moved, axis=axis) for axis in (0, 1))
        terms = np.stack(
            [term[inner].ravel() for term in (-rows, -columns, moved, np.ones_like(moved))]
        )
        gram += terms @ terms.T
        against += terms @ prepare(reference)[inner].ravel()
    # A plane without gradients has nothing to hold on to.
    gram[np.diag_indices_from(gram)] += 1e-9 * max(float(np.trace(gram)), 1.0)
    return np.asarray(np.linalg.solve(gram, against)[:2], np.float64)


def _smoothed(plane: Plane) -> Plane:
    return np.asarray(scipy.ndimage.gaussian_filter(plane, _SMOOTHING, radius=_REACH))


def _as_it_is(plane: Plane) -> Plane:
    return plane


def _moved(plane: AnyArray, shift: _Shift) -> Plane:
    """Return (h, w) or (h, w, 3) levels moved down and right, mirrored at the edges."""
    reach = int(LARGEST_SHIFT) + _LOBES
    for axis, distance in enumerate(shift):
        if distance == 0:
            continue
        # What lands on a pixel was at a distance before it.
        at = np.arange(-reach, reach + 1) + distance
        taps = np.where(np.abs(at) < _LOBES, np.sinc(at) * np.sinc(at / _LOBES), 0)
        plane = scipy.ndimage.correlate1d(plane, taps / taps.sum(), axis=axis, mode="reflect")
    return np.asarray(plane)


def _compare(pair: PlanePair, shift: _Shift) -> tuple[float, Plane]:
    """Return the mean squared error on Y after a shift, and moments of the colours.

    The moments are the mean products of (image R, G, B, reference R, G, B, 1), a (7, 7) array.
    """
    error, moments = 0.0, np.zeros((7, 7))
    for wider, (first, last), inner in _parts(pair):
        both = [replace(wider, channel=number).rows(first, last) for number in range(3)]
        image, reference = (np.stack([each[side] for each in both], axis=-1) for side in (0, 1))
        image, reference = _moved(image, shift)[inner], reference[inner]
        difference = luma_studio(image / PEAK) - luma_studio(reference / PEAK)
        error += float(np.square(difference).sum())
        ones = np.ones((*image.shape[:2], 1))
        values = np.concatenate([image, reference, ones], axis=-1).reshape(-1, 7)
        moments += values.T @ values
    height, width = pair.shape
    return error / (height * width), moments / (height * width)


def _parts(pair: PlanePair) -> Iterator[tuple[PlanePair, tuple[int, int], tuple[slice, slice]]]:
    """Yield planes with as much of the border as is needed, rows of them, and what of these counts.

    What lies in the border is not compared, but it is moved in.
    """
    margin = min(pair.border, _HALO)
    wider, (height, width) = replace(pair, border=pair.border - margin), pair.shape
    for strip in strips_of(height, width, pixels=_PIXELS):
        first = max(strip.top + margin - _HALO, 0)
        last = min(strip.bottom + margin + _HALO, height + 2 * margin)
        rows = slice(strip.top + margin - first, strip.bottom + margin - first)
        yield wider, (first, last), (rows, slice(margin, margin + width))


def _calibrate(
    moments: Plane,
) -> tuple[tuple[float, float, float], tuple[float, float, float], float]:
    """Return gains and offsets of the three colours, and the mean squared error on Y with them."""
    gains, offsets = [], []
    image_means, reference_means = moments[:3, 6], moments[3:6, 6]
    for number in range(3):
        mean, wanted = image_means[number], reference_means[number]
        variance = moments[number, number] - mean**2
        covariance = moments[number, number + 3] - mean * wanted
        # Of one level nothing can be told but an offset.
        gain = float(covariance / variance) if variance > 1e-6 else 1.0
        gains.append(gain)
        offsets.append(float(wanted - gain * mean))
    weights = luma_studio(np.eye(3)[None])[0] - luma_studio(np.zeros((1, 1, 3)))[0]
    error = np.concatenate([weights * gains, -weights, [weights @ offsets]]) / PEAK
    left = float(error @ moments @ error)
    return (gains[0], gains[1], gains[2]), (offsets[0], offsets[1], offsets[2]), max(left, 0.0)
