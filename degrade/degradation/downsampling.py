"""Blurring and sampling 8-bit images exactly: the same bits on every machine, at float32 speed.

Pixels are integers already. With a kernel rounded to integers too, small enough that no sum can
reach 2²⁴, every product and every partial sum is an integer that float32 holds exactly; then
neither the order of the additions nor fused or wider instructions can change the result. So the
compiled form and that without a compiler are equal to the bit.

At a scale n/d the kernel has d² phases (:mod:`degrade.kernels.phases`), and each makes LR pixels
that lie n HR pixels apart.
"""

from __future__ import annotations

import itertools
from math import floor, log2

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.compiled import is_compiled
from degrade.compiled.sampling import sample
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, fits, hr_unit, lr_side, lr_unit, side_wanted
from degrade.kernels import BlurKernel
from degrade.kernels.phases import RINGING, phase_kernels
from degrade.resample import mirror_indices

__all__ = ["MIDDLE", "PreparedImage", "integer_taps"]

_EXACT = 2**24
"""float32 holds every integer up to this one."""

MIDDLE = 128
"""Taken from every pixel first: it halves the sums, which leaves one more bit to the kernel."""

_MOST_TAPS = 11
"""Along a side: OpenCV correlates larger kernels through a Fourier transform, which rounds."""

_MOST_UNIT = 2**16

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
    the contrast around a pixel, where rounding to 8 bits costs 0.29 grey levels; a flat area stays
    as it is, because the sum is kept.
    """
    exact = np.asarray(weights, np.float64)
    # Each tap may gain almost 1.
    room = (_EXACT / MIDDLE - exact.size) / np.abs(exact).sum()
    unit = min(2 ** floor(log2(room)), _MOST_UNIT) if room >= 1 else 0
    if not unit:
        raise InvalidValueError(f"a kernel of {exact.shape} taps is too large to apply exactly")
    scaled = exact.ravel() * unit
    taps = np.floor(scaled).astype(np.int64)
    missing = unit - int(taps.sum())
    taps[np.argsort(taps - scaled, kind="stable")[:missing]] += 1
    return taps.reshape(exact.shape), unit


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

    def downsample(self, kernel: BlurKernel, box: tuple[int, int, int, int]) -> FloatArray:
        """Blur a part of the image and keep LR's pixels; only those are computed.

        As :func:`degrade.kernels.downsample` with mirrored borders, but in 8-bit grey levels and
        with the kernel of :func:`integer_taps`.

        Parameters
        ----------
        kernel : BlurKernel
            Correlated with the image; of its scale.
        box : (top, left, height, width)
            The part of the image to downsample; pixels around it feed the blur.

        Returns
        -------
        (height / scale, width / scale, C) float32 array
            Grey levels: on [0, 255], or a little beyond when the kernel has negative lobes. Exact.

        Raises
        ------
        InvalidValueError
            The box leaves the image, its sides do not fit the scale, or the kernel is not what
            what the image was prepared for, or so large that its sums would not be exact.
        """
        top, left, height, width = box
        scale, size = self.scale, kernel.size
        if kernel.scale != scale or size // 2 > self.reach:
            raise InvalidValueError(
                f"the image is prepared for ×{scale} and kernels of {2 * self.reach + 1} taps, "
                f"got ×{kernel.scale} and {size}"
            )
        _check_box(box, self.pixels.shape, scale)
        own, every = phase_kernels(kernel), lr_unit(scale)
        rows, columns = lr_side(height, scale), lr_side(width, scale)
        lr = np.empty((rows, columns, self.pixels.shape[2]), np.float32)
        for phase, (down, right) in own.phases():
            first = (top - own.before + down, left - own.before + right)
            part = (*first, rows // every, columns // every)
            lr[phase[0] :: every, phase[1] :: every] = self._sample(own.weights[phase], part)
        return lr

    def _sample(self, weights: AnyArray, part: tuple[int, int, int, int]) -> FloatArray:
        """Correlate at every n-th pixel; ``part`` as for :func:`sample`."""
        integers, unit = integer_taps(weights)
        taps = integers.astype(np.float32)
        if self._phases is None:
            return sample(self.pixels, taps, hr_unit(self.scale), part, 1 / unit)
        lr = self._phases.correlate(taps, part)
        lr *= np.float32(1 / unit)
        lr += np.float32(MIDDLE)
        return lr


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

    def correlate(self, taps: FloatArray, part: tuple[int, int, int, int]) -> FloatArray:
        """Return the sums of taps · (pixel - 128); as :func:`degrade.compiled.sampling.sample`."""
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
