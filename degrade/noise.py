"""Noise patches: finding flat parts of a photo and taking their residuals.

RealSR (Ji et al., CVPRW 2020, §3.2): a patch p is taken when its grey-level variance is below a
maximum; its residual is p minus its own mean. On purpose different from the released code: every
position that the stride allows is looked at (the last row and column too), and patches that are
clipped, without any noise, or textured are refused and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError
from degrade.resample import mirror_indices

__all__ = [
    "NoisePatch",
    "NoiseSearch",
    "NoiseSelection",
    "extract_noise_patches",
    "patch_positions",
    "search_noise_patches",
    "suggest_max_variance",
    "take_patches",
    "tile_residual",
]

Box = tuple[int, int, int, int]
"""(top, left, height, width) in pixels."""

_STRUCTURE_BLOCKS = 4
_BAND_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSelection:
    """Which patches count as noise. Levels are 8-bit grey units (0…255), whatever the file's depth.

    Attributes
    ----------
    patch_size : int
        Side of a patch in pixels.
    stride : int or None
        Step between positions; None: the patch size.
    max_variance : float
        Largest grey variance (RealSR's released setting: 20).
    min_variance : float
        Smallest grey variance: below it there is no noise to learn, only quantisation.
    min_mean : float
        Smallest mean grey level (RealSR: 50 for photos, 0 for its synthetic track).
    max_clipped : float
        Largest share of samples at 0 or at the maximum: clipping makes noise one-sided.
    max_structure : float
        Largest ratio of the most to the mean variance over 4×4 blocks of the patch, in any colour
        channel: texture and edges gather in some blocks, noise does not (cf. Chen et al., GCBD,
        CVPR 2018, eq. 2).
    max_unevenness : float
        Largest share of the variance that lies between the means of those blocks, in any colour
        channel: gradients and soft shapes are no noise. Grey levels alone would miss what only
        the colour tells.
    """

    patch_size: int = 256
    stride: int | None = None
    max_variance: float = 20.0
    min_variance: float = 0.02
    min_mean: float = 0.0
    max_clipped: float = 0.005
    max_structure: float = 3.0
    max_unevenness: float = 0.4

    def __post_init__(self) -> None:
        if self.patch_size < 8:
            raise InvalidValueError(f"patch_size must be at least 8, got {self.patch_size}")
        if self.stride is not None and self.stride < 1:
            raise InvalidValueError(f"stride must be at least 1, got {self.stride}")
        if not 0 <= self.min_variance < self.max_variance:
            raise InvalidValueError(
                "variances must be 0 <= min_variance < max_variance, "
                f"got {self.min_variance} and {self.max_variance}"
            )
        if not 0 <= self.min_mean <= 255:
            raise InvalidValueError(f"min_mean must be in 0…255, got {self.min_mean}")
        if not 0 <= self.max_clipped <= 1:
            raise InvalidValueError(f"max_clipped must be in 0…1, got {self.max_clipped}")
        if not self.max_structure >= 1:
            raise InvalidValueError(f"max_structure must be at least 1, got {self.max_structure}")
        if not 0 <= self.max_unevenness <= 1:
            raise InvalidValueError(f"max_unevenness must be in 0…1, got {self.max_unevenness}")


@dataclass(frozen=True, slots=True, eq=False)
class NoisePatch:
    """A flat part of a photo.

    Attributes
    ----------
    pixels : (P, P, 3) uint8 or uint16 array
        RGB as in the photo; read-only copy, so that it never keeps the photo alive.
    variance, brightness : float
        Grey variance and mean in 8-bit units.
    source : str
        The photo, for people.
    box : (top, left, height, width)
        Where in the photo it was.
    """

    pixels: AnyArray
    variance: float
    brightness: float
    source: str
    box: Box

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype not in (np.uint8, np.uint16):
            raise InvalidValueError(f"pixels must be uint8 or uint16, got {self.pixels.dtype}")
        if len(shape) != 3 or shape[0] != shape[1] or shape[2] != 3 or shape[0] < 8:
            raise InvalidValueError(f"pixels must be (P, P, 3) with P >= 8, got {shape}")
        copy = np.array(self.pixels, order="C")
        copy.flags.writeable = False
        object.__setattr__(self, "pixels", copy)

    @property
    def residual(self) -> FloatArray:
        """(P, P, 3) float32: the pixels on [0, 1] minus their mean per channel."""
        return residual_of(self.pixels, channel_means(self.pixels))


@dataclass(frozen=True, slots=True, eq=False)
class NoiseSearch:
    """What a search through one photo found.

    Attributes
    ----------
    boxes : list of (top, left, height, width)
        The accepted patches, in reading order.
    refused : dict of str to int
        Gate name (``variance``, ``flat``, ``dark``, ``clipped``, ``textured``, ``uneven``, in
        this order) to positions that failed it first.
    variances, means : (N,) float64 arrays
        Of every position looked at, in 8-bit grey units: for histograms and advice.
    accepted : (N,) bool array
    too_varied : (N,) bool array
        Positions that ``max_variance`` alone refuses.
    """

    boxes: list[Box]
    refused: dict[str, int]
    variances: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]
    accepted: npt.NDArray[np.bool_]
    too_varied: npt.NDArray[np.bool_]


def channel_means(pixels: AnyArray) -> npt.NDArray[np.float64]:
    """Return the mean per channel of (P, P, 3) integer pixels, in the pixels' own units."""
    flat = pixels.reshape(-1, pixels.shape[-1])
    return np.asarray(flat.mean(axis=0, dtype=np.float64), dtype=np.float64)


def residual_of(pixels: AnyArray, means: npt.NDArray[np.float64]) -> FloatArray:
    """Return ``pixels`` minus ``means`` on the [0, 1] range of the pixels' dtype, as float32."""
    peak = float(np.iinfo(pixels.dtype).max)
    return ((pixels.astype(np.float64) - means) / peak).astype(np.float32)


def patch_positions(length: int, patch_size: int, stride: int) -> npt.NDArray[np.int64]:
    """Return the starts 0, stride, …, always with the last possible one, length - patch_size."""
    last = length - patch_size
    if last < 0:
        return np.empty(0, dtype=np.int64)
    positions = np.arange(0, last + 1, stride, dtype=np.int64)
    return positions if positions[-1] == last else np.append(positions, last)


def search_noise_patches(pixels: AnyArray, selection: NoiseSelection) -> NoiseSearch:
    """Find the flat patches of a photo by integral images.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        RGB.
    selection : NoiseSelection
        Sizes and gates.

    Returns
    -------
    NoiseSearch
        With no box when the photo is smaller than a patch.

    Raises
    ------
    InvalidValueError
        ``pixels`` has another shape or type.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(
            f"pixels must be (H, W, 3) uint8 or uint16, got {pixels.shape} {pixels.dtype}"
        )
    size, stride = selection.patch_size, selection.stride or selection.patch_size
    rows = patch_positions(pixels.shape[0], size, stride)
    columns = patch_positions(pixels.shape[1], size, stride)
    if rows.size == 0 or columns.size == 0:
        empty = np.empty(0)
        none = np.empty(0, dtype=bool)
        return NoiseSearch([], {}, empty, empty, none, none)

    bands = [
        _measure(pixels[band[0] : band[-1] + size], band - band[0], columns, size)
        for band in _bands(rows, size)
    ]
    means, variances, clipped, structure, unevenness = (
        np.concatenate(parts) for parts in zip(*bands, strict=True)
    )
    gates = {
        "variance": variances > selection.max_variance,
        "flat": variances < selection.min_variance,
        "dark": means < selection.min_mean,
        "clipped": clipped > selection.max_clipped,
        "textured": structure > selection.max_structure,
        "uneven": unevenness > selection.max_unevenness,
    }
    accepted = np.ones(means.shape, dtype=bool)
    refused = {}
    for name, fails in gates.items():
        refused[name] = int((accepted & fails).sum())
        accepted &= ~fails
    others = np.any([fails for name, fails in gates.items() if name != "variance"], axis=0)
    too_varied = gates["variance"] & ~others
    boxes = [(int(rows[i]), int(columns[j]), size, size) for i, j in np.argwhere(accepted)]
    return NoiseSearch(
        boxes, refused, variances.ravel(), means.ravel(), accepted.ravel(), too_varied.ravel()
    )


def _bands(rows: npt.NDArray[np.int64], size: int) -> list[npt.NDArray[np.int64]]:
    """Group patch rows that are searched together: few enough that the integrals stay small."""
    span = max(size, _BAND_ROWS)
    return np.split(rows, np.flatnonzero(np.diff(rows // span)) + 1)


def _measure(
    pixels: AnyArray, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], size: int
) -> tuple[npt.NDArray[np.float64], ...]:
    """Return mean, variance, share of clipped pixels, structure and unevenness, per position."""
    peak = np.iinfo(pixels.dtype).max
    places = (rows, columns)
    means, variances = _window_moments(_integrals(_grey_levels(pixels)), places, size)
    clipped, _ = _integrals(np.any((pixels == 0) | (pixels == peak), axis=2).astype(np.uint8))
    structure, unevenness = _block_statistics(_integrals(pixels), places, size)
    return means, variances, _window_sums(clipped, places, size) / size**2, structure, unevenness


def _grey_levels(pixels: AnyArray) -> npt.NDArray[np.float64]:
    """Return BT.601 luma in 8-bit units."""
    unit = 255.0 / np.iinfo(pixels.dtype).max
    # Channel by channel: a matrix product would first copy the photo to float64 as a whole.
    grey: npt.NDArray[np.float64] = pixels[..., 0] * (0.299 * unit)
    grey += pixels[..., 1] * (0.587 * unit)
    grey += pixels[..., 2] * (0.114 * unit)
    return grey


def _integrals(values: AnyArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the float64 integral images of (H, W[, C]) values and of their squares.

    Sums over 8-bit photos are exact. The squares of 200 million 16-bit samples add up to less than
    2^60, of which a double drops the last 7 bits: 1e-4 in the grey variance of the smallest patch.
    """
    if values.dtype == np.uint16:  # not among the types that OpenCV sums
        values = values.astype(np.float64)
    total, squares = cv2.integral2(values, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    return np.asarray(total, np.float64), np.asarray(squares, np.float64)


_Places = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Top rows and left columns of windows, every one with every other."""


def _window_sums(
    integral: npt.NDArray[np.float64], places: _Places, size: int
) -> npt.NDArray[np.float64]:
    top, left = places[0][:, None], places[1][None, :]
    bottom, right = top + size, left + size
    return (
        integral[bottom, right] - integral[top, right]
        - integral[bottom, left] + integral[top, left]
    )  # fmt: skip


def _window_moments(
    integrals: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], places: _Places, size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    means, squares = (_window_sums(integral, places, size) / size**2 for integral in integrals)
    return means, np.maximum(squares - means**2, 0.0)


def _block_statistics(
    integrals: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], places: _Places, size: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return, per position, structure and unevenness as :class:`NoiseSelection` defines them."""
    block = size // _STRUCTURE_BLOCKS
    offsets = [block * step for step in range(_STRUCTURE_BLOCKS)]
    moments = [
        _window_moments(integrals, (places[0] + down, places[1] + right), block)
        for down in offsets
        for right in offsets
    ]
    means, variances = (np.stack(values) for values in zip(*moments, strict=True))
    within, between = variances.mean(axis=0), means.var(axis=0)
    structure, unevenness = np.ones_like(within), np.zeros_like(within)
    np.divide(variances.max(axis=0), within, out=structure, where=within > 0)
    np.divide(between, within + between, out=unevenness, where=within + between > 0)
    return structure.max(axis=-1), unevenness.max(axis=-1)


def suggest_max_variance(searches: Sequence[NoiseSearch]) -> float | None:
    """Return the smallest ``max_variance`` with which some position would have been accepted.

    None when no position fails by its variance alone.
    """
    candidates = np.concatenate([search.variances[search.too_varied] for search in searches])
    return None if candidates.size == 0 else float(np.ceil(candidates.min()))


def extract_noise_patches(
    pixels: AnyArray, selection: NoiseSelection, *, source: str = ""
) -> list[NoisePatch]:
    """Return the flat patches of a photo, in reading order.

    Parameters and errors as for :func:`search_noise_patches`; ``source`` names the photo.
    """
    search = search_noise_patches(pixels, selection)
    return take_patches(pixels, search, source=source)


def take_patches(pixels: AnyArray, search: NoiseSearch, *, source: str) -> list[NoisePatch]:
    """Cut out the patches that ``search`` accepted in ``pixels``."""
    statistics = zip(
        search.boxes, search.variances[search.accepted], search.means[search.accepted], strict=True
    )
    return [
        NoisePatch(
            pixels[box[0] : box[0] + box[2], box[1] : box[1] + box[3]],
            float(variance), float(mean), source, box,
        )
        for box, variance, mean in statistics
    ]  # fmt: skip


def tile_residual(residual: AnyArray, top: int, left: int, height: int, width: int) -> AnyArray:
    """Read a (height, width, 3) window of a residual continued without end by mirroring.

    Mirroring leaves no seams; a window that fits inside the residual is a plain crop.
    """
    if top + height <= residual.shape[0] and left + width <= residual.shape[1]:
        return residual[top : top + height, left : left + width]
    rows = mirror_indices(np.arange(top, top + height), residual.shape[0])
    columns = mirror_indices(np.arange(left, left + width), residual.shape[1])
    return residual[rows[:, None], columns]
