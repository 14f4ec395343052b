"""Blurring and sampling 8-bit images exactly: the same bits on every machine, at float32 speed.

Pixels are integers already. With a kernel rounded to integers too, small enough that no sum can
pass 2²⁴, every product and every partial sum is an integer that float32 holds exactly; then
neither the order of the additions nor fused or wider instructions can change the result. So the
compiled form and that without a compiler are equal to the bit.

What that rounding takes from each tap is rounded to finer integers, and makes a second sum. Both
together are as near to float64 as float32 can tell.

At a scale n/d the kernel has d² phases (:mod:`degrade.kernels.phases`), and each makes LR pixels
that lie n HR pixels apart.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from math import floor, fsum, log2

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.compiled import is_compiled
from degrade.compiled.sampling import sample
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, first_pixel, fits, hr_unit, lr_side, lr_unit, side_wanted
from degrade.kernels import BlurKernel
from degrade.kernels.phases import RINGING, phase_kernels
from degrade.resample import mirror_indices

__all__ = [
    "MIDDLE",
    "IntegerTaps",
    "PreparedImage",
    "fine_taps",
    "integer_taps",
    "taps_of",
    "without_margin",
]

_EXACT = 2**24
"""float32 holds every integer up to this one."""

MIDDLE = 128
"""Taken from every pixel first: it halves the sums, which leaves one more bit to the kernel."""

_MOST_TAPS = 11
"""Along a side: OpenCV correlates larger kernels through a Fourier transform, which rounds."""

_MOST_UNIT = 2**16
_MOST_FINER = 2**12
"""Beyond it float32 would round more from LR than rounding the taps does."""

_STRIP = 64
_BAND = 2**17
"""Rows of a phase that are cut, and pixels of LR that are summed, at a time: large images then
need little memory beside their own, and what is worked on stays in the processor's cache."""


def integer_taps(weights: AnyArray) -> tuple[npt.NDArray[np.int64], int]:
    """Round a kernel to integers whose sum is a power of two.

    Parameters
    ----------
    weights : (K, K) array
        Sums to 1.

    Returns
    -------
    taps : (K, K) int64 array
        Sums to ``unit``.
    unit : int
        2¹⁶ for ordinary kernels; less when large negative lobes need the room.

    Notes
    -----
    A tap moves by less than 1/unit. For a 25×25 kernel at 2¹⁶ that changes LR by about 1/10 000 of
    the contrast around a pixel; a flat area stays as it is, because the sum is kept.
    """
    exact = np.asarray(weights, np.float64)
    # Each tap may gain almost 1.
    room = (_EXACT / MIDDLE - exact.size) / np.abs(exact).sum()
    unit = min(2 ** floor(log2(room)), _MOST_UNIT) if room >= 1 else 0
    if not unit:
        raise InvalidValueError(f"a kernel of {exact.shape} taps is too large to apply exactly")
    return _rounded(exact * unit, unit), unit


def without_margin(taps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Cut rows and columns of zeros off a kernel's taps, as many on all sides.

    Parameters
    ----------
    taps : (K, K) int64 array

    Returns
    -------
    (k, k) int64 array
        Of the same parity; of 3 a side at least, where ``taps`` has them.
    """
    while len(taps) > 3 and not (taps[[0, -1]].any() or taps[:, [0, -1]].any()):
        taps = taps[1:-1, 1:-1]
    return taps


def fine_taps(
    weights: AnyArray, taps: npt.NDArray[np.int64], unit: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Round what :func:`integer_taps` took from a kernel to integers of a finer unit.

    Parameters
    ----------
    weights : (K, K) array
        As they were rounded.
    taps, unit
        What came of them.

    Returns
    -------
    fine : (K, K) int64 array
        Sums to 0: a flat area stays as it is.
    finer : int
        A power of two: unit · weights = taps + fine / finer, but for less than 1/finer a tap. About
        2¹⁰ for a kernel of 21×21.
    """
    exact = np.asarray(weights, np.float64)
    rest = exact / fsum(exact.ravel().tolist()) * unit - taps
    room = _EXACT / MIDDLE - exact.size
    lost = fsum(np.abs(rest).ravel().tolist())
    finer = _MOST_FINER if lost * _MOST_FINER <= room else 2 ** floor(log2(room / lost))
    return _rounded(rest * finer, 0), finer


def _rounded(scaled: npt.NDArray[np.float64], total: int) -> npt.NDArray[np.int64]:
    """Round down, and up where most is lost, so that the sum is ``total``."""
    taps = np.floor(scaled).astype(np.int64).ravel()
    missing = total - int(taps.sum())
    taps[np.argsort(taps - scaled.ravel(), kind="stable")[:missing]] += 1
    return taps.reshape(scaled.shape)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerTaps:
    """A kernel as integers: a set of taps for each of its d² phases.

    Attributes
    ----------
    coarse, fine : (d, d, T, T) float32 array
    units : (d, d, 2) float64 array
        What each sum of coarse and of fine taps is multiplied by; fine ones by 0: there are none.
    before : int
        How many HR pixels before a period the taps at place 0 begin.
    starts : tuple of d int
        The HR pixel of a period that each phase begins with.
    """

    coarse: FloatArray
    fine: FloatArray
    units: npt.NDArray[np.float64]
    before: int
    starts: tuple[int, ...]


def taps_of(kernel: BlurKernel, *, finely: bool = True) -> IntegerTaps:
    """Return a kernel as integers; ``finely`` as for :meth:`PreparedImage.downsample`."""
    # With many phases a kernel takes megabytes.
    return (_many if lr_unit(kernel.scale) == 1 else _few)(kernel, finely)


def _round_kernel(kernel: BlurKernel, finely: bool) -> IntegerTaps:
    own, every = phase_kernels(kernel), lr_unit(kernel.scale)
    coarse, fine = (np.zeros(own.weights.shape, np.float32) for _ in range(2))
    units = np.zeros((every, every, 2))
    for phase in np.ndindex(every, every):
        taps, unit = integer_taps(own.weights[phase])
        coarse[phase], units[phase][0] = taps, 1 / unit
        if finely:
            fine[phase], finer = fine_taps(own.weights[phase], taps, unit)
            units[phase][1] = 1 / (unit * finer)
    starts = tuple(first_pixel(pixel, kernel.scale) for pixel in range(every))
    return IntegerTaps(coarse, fine, units, own.before, starts)


_many, _few = (lru_cache(maxsize=count)(_round_kernel) for count in (1024, 64))


class PreparedImage:
    """An 8-bit image from which many patches are downsampled.

    Parameters
    ----------
    image_u8 : (H, W, C) uint8 array
    scale : Scale
        That of all kernels.
    reach : int
        Half the side of the largest kernel, rounded down.

    Attributes
    ----------
    pixels : (H, W, C) uint8 array
        The image.
    scale, reach
        As given.

    Raises
    ------
    InvalidValueError
        The image is empty.
    """

    def __init__(self, image_u8: U8Array, scale: Scale, reach: int) -> None:
        if image_u8.size == 0:  # nothing to mirror: OpenCV would look for a border pixel for ever
            raise InvalidValueError(f"an image must have pixels, got {image_u8.shape}")
        self.pixels, self.scale, self.reach = np.ascontiguousarray(image_u8), scale, reach
        if lr_unit(scale) > 1:
            reach += RINGING
        self._phases = None if is_compiled() else _Phases(image_u8, hr_unit(scale), reach)

    def downsample(
        self, kernel: BlurKernel, box: tuple[int, int, int, int], *, finely: bool = True
    ) -> FloatArray:
        """Blur a part of the image and keep LR's pixels; only those are computed.

        As :func:`degrade.kernels.downsample` with mirrored borders, but in 8-bit grey levels.

        Parameters
        ----------
        kernel : BlurKernel
            Correlated with the image; of its scale.
        box : (top, left, height, width)
            The part of the image to downsample; pixels around it feed the blur.
        finely : bool
            False: with the taps of :func:`integer_taps` alone, as earlier versions did.

        Returns
        -------
        (height / scale, width / scale, C) float32 array
            Grey levels: on [0, 255], or a little beyond when the kernel has negative lobes. The
            same bits on every machine, within 10⁻⁴ of a float64 sum.

        Raises
        ------
        InvalidValueError
            The box leaves the image, its sides do not fit the scale, or the kernel is not what
            the image was prepared for, or so large that its sums would not be exact.
        """
        top, left, height, width = box
        scale, size = self.scale, kernel.size
        if kernel.scale != scale or size // 2 > self.reach:
            raise InvalidValueError(
                f"the image is prepared for ×{scale} and kernels of {2 * self.reach + 1} taps, "
                f"got ×{kernel.scale} and {size}"
            )
        _check_box(box, self.pixels.shape, scale)
        taps = taps_of(kernel, finely=finely)
        part = (
            top - taps.before,
            left - taps.before,
            lr_side(height, scale),
            lr_side(width, scale),
        )
        if self._phases is None:
            places = (hr_unit(scale), taps.starts)
            return sample(self.pixels, taps.coarse, taps.fine, taps.units, places, part)
        return self._phases.downsample(taps, part)


class _Phases:
    """The same without compiled code: an image cut into its phases, on which OpenCV is fast."""

    def __init__(self, image_u8: U8Array, step: int, reach: int) -> None:
        height, width, channels = image_u8.shape
        self._step = step
        self._margin = margin = -(-reach // step) * step
        mirrored = mirror_indices(np.arange(-margin, height + margin - height % -step), height)
        right = margin - width % -step
        rows, columns = len(mirrored) // step, (margin + width + right) // step
        # With its mirrored margin, pixel step·p + a of the image is pixel p of phase a.
        self._phases = np.empty((step, step, channels, rows, columns), np.int8)
        for top in range(0, rows, _STRIP):
            strip = image_u8[mirrored[step * top : step * (top + _STRIP)]]
            np.bitwise_xor(strip, np.uint8(MIDDLE), out=strip)
            framed = cv2.copyMakeBorder(strip, 0, 0, margin, right, cv2.BORDER_REFLECT)
            for channel, plane in enumerate(cv2.split(framed)):
                # As channels of one pixel: splitting those is fast.
                for b, phase in enumerate(cv2.split(plane.reshape(-1, columns, step))):
                    by_row = phase.view(np.int8).reshape(-1, step, columns).swapaxes(0, 1)
                    self._phases[:, b, channel, top : top + _STRIP] = by_row

    def downsample(self, taps: IntegerTaps, part: tuple[int, int, int, int]) -> FloatArray:
        """Return LR; as :func:`degrade.compiled.sampling.sample`."""
        top, left, rows, columns = part
        every = len(taps.starts)
        lr = np.empty((rows, columns, self._phases.shape[2]), np.float32)
        for row, column in np.ndindex(every, every):
            first = (top + taps.starts[row], left + taps.starts[column])
            own = (*first, rows // every, columns // every)
            total = np.full((*own[2:], lr.shape[2]), float(MIDDLE))
            for kept, unit in zip((taps.coarse, taps.fine), taps.units[row, column], strict=True):
                if unit:
                    total += self._correlate(kept[row, column], own) * np.float64(unit)
            lr[row::every, column::every] = total
        return lr

    def _correlate(self, taps: FloatArray, part: tuple[int, int, int, int]) -> FloatArray:
        """Return the sums of taps · (pixel - 128)."""
        step, size = self._step, len(taps)
        top, left, rows, columns = part
        # Output pixel p reads pixel step·p + t. Taps t ≡ a (mod step) all meet one phase, where
        # they are an ordinary correlation; filled up, every phase has as many.
        side = -(-size // step)
        filled = np.zeros((side * step, side * step), np.float32)
        filled[:size, :size] = taps
        sums = np.empty((rows, columns, self._phases.shape[2]), np.float32)
        band = max(1, _BAND // columns)
        for start in range(0, rows, band):
            first = (self._margin + top + start * step, self._margin + left)
            self._fill(first, filled, sums[start : start + band])
        return sums

    def _fill(self, start: tuple[int, int], filled: FloatArray, sums: FloatArray) -> None:
        """Fill some rows; ``start`` is the pixel that their first one's first tap reads."""
        step, side = self._step, len(filled) // self._step
        rows, columns, channels = sums.shape
        high, wide = rows + side - 1, columns + side - 1
        # One below the other the channels are one image; what reads across a seam is cut off.
        total: FloatArray = np.zeros((channels * high, wide), np.float32)
        for a, b in np.ndindex(step, step):
            row, row_phase = divmod(start[0] + a, step)
            column, column_phase = divmod(start[1] + b, step)
            phase = self._phases[row_phase, column_phase]
            seen = phase[:, row : row + high, column : column + wide].astype(np.float32)
            _add_correlation(total, seen.reshape(total.shape), filled[a::step, b::step])
        sums[...] = total.reshape(channels, high, wide)[:, :rows, :columns].transpose(1, 2, 0)


def _add_correlation(total: FloatArray, image: FloatArray, taps: FloatArray) -> None:
    """Add the correlation of an image with ``taps`` to ``total``, of the image's shape.

    Where the taps leave the image, the sum is not to be used.
    """
    for down, right in itertools.product(*(range(0, side, _MOST_TAPS) for side in taps.shape)):
        part = np.ascontiguousarray(taps[down : down + _MOST_TAPS, right : right + _MOST_TAPS])
        found = cv2.filter2D(
            image[down:, right:],
            cv2.CV_32F,
            part,
            anchor=(0, 0),
            borderType=cv2.BORDER_CONSTANT,
        )
        inside = total[: found.shape[0], : found.shape[1]]
        np.add(inside, found, out=inside)


def _check_box(box: tuple[int, int, int, int], shape: tuple[int, ...], scale: Scale) -> None:
    top, left, height, width = box
    if not (fits(height, scale) and fits(width, scale)):
        raise InvalidValueError(f"each side must be {side_wanted(scale)}, got {height}×{width}")
    if min(top, left) < 0 or top + height > shape[0] or left + width > shape[1]:
        raise InvalidValueError(f"box {box} leaves the image of shape {shape}")
