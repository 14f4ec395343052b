"""Noise patches: finding flat parts of a photo.

RealSR (Ji et al., CVPRW 2020, §3.2): a patch p is taken when its grey-level variance is below a
maximum; its residual is p minus its own mean. On purpose different from the released code: every
position that the stride allows is looked at (the last row and column too), and patches that are
clipped, without any noise, or textured are refused and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, Box, FloatArray
from degrade.errors import InvalidValueError
from degrade.noise.residuals import channel_means, residual_of
from degrade.noise.roughness import measure_roughness
from degrade.noise.selection import ENOUGH, NoiseSelection
from degrade.noise.window_statistics import measure_windows

__all__ = [
    "NoisePatch",
    "NoiseSearch",
    "extract_noise_patches",
    "patch_positions",
    "search_noise_patches",
    "suggest_max_variance",
    "take_patches",
]


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
    patch_size : int
        The one given, or the one chosen.
    boxes : list of (top, left, height, width)
        The accepted patches that are kept, in reading order.
    kept : (K,) int64 array
        Which of the positions looked at those are.
    refused : dict of str to int
        Gate name (``variance``, ``flat``, ``dark``, ``clipped``, ``textured``, ``uneven``,
        ``soft``, in this order) to positions that failed it first.
    variances, means : (N,) float64 arrays
        Of every position looked at, in 8-bit grey units: for histograms and advice.
    accepted : (N,) bool array
    too_varied : (N,) bool array
        Positions that ``max_variance`` alone refuses.
    """

    patch_size: int
    boxes: list[Box]
    kept: npt.NDArray[np.int64]
    refused: dict[str, int]
    variances: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]
    accepted: npt.NDArray[np.bool_]
    too_varied: npt.NDArray[np.bool_]


def patch_positions(length: int, patch_size: int, stride: int) -> npt.NDArray[np.int64]:
    """Return the starts 0, stride, …, always with the last possible one, length - patch_size."""
    last = length - patch_size
    if last < 0:
        return np.empty(0, dtype=np.int64)
    positions = np.arange(0, last + 1, stride, dtype=np.int64)
    return positions if positions[-1] == last else np.append(positions, last)


def search_noise_patches(pixels: AnyArray, selection: NoiseSelection) -> NoiseSearch:
    """Find the flat patches of a photo.

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
    first, *smaller = selection.sizes()
    best = _search(pixels, selection, first)
    for size in smaller:
        if best.accepted.sum() >= ENOUGH:
            break
        found = _search(pixels, selection, size)
        # Where there is none, the smallest size tells most of why.
        if found.accepted.sum() > best.accepted.sum() or not best.boxes:
            best = found
    return best


def _search(pixels: AnyArray, selection: NoiseSelection, size: int) -> NoiseSearch:
    """Find the flat patches of one size."""
    stride = selection.step(size)
    rows = patch_positions(pixels.shape[0], size, stride)
    columns = patch_positions(pixels.shape[1], size, stride)
    if rows.size == 0 or columns.size == 0:
        empty, none = np.empty(0), np.empty(0, dtype=bool)
        return NoiseSearch(size, [], np.empty(0, dtype=np.int64), {}, empty, empty, none, none)
    found = measure_windows(pixels, rows, columns, size)
    gates = {
        "variance": found.variances > selection.max_variance,
        "flat": found.variances < selection.min_variance,
        "dark": found.means < selection.min_mean,
        "clipped": found.clipped > selection.max_clipped,
        "textured": found.structure > selection.max_structure,
        "uneven": found.unevenness > selection.max_unevenness,
    }
    others = np.any([fails for name, fails in gates.items() if name != "variance"], axis=0)
    # Costs more than all others together, so it is asked last, of what they let through.
    passing = ~(others | gates["variance"])
    rough = measure_roughness(pixels, rows, columns, size, passing)
    gates["soft"] = rough < selection.min_roughness
    accepted = np.ones(found.means.shape, dtype=bool)
    refused = {}
    for name, fails in gates.items():
        refused[name] = int((accepted & fails).sum())
        accepted &= ~fails
    too_varied = gates["variance"] & ~others
    at = np.flatnonzero(accepted)
    places = np.stack([rows[at // len(columns)], columns[at % len(columns)]], axis=1)
    kept = _spread(places, selection.max_patches)
    boxes = [(int(top), int(left), size, size) for top, left in places[kept]]
    return NoiseSearch(
        size,
        boxes,
        at[kept],
        refused,
        found.variances.ravel(),
        found.means.ravel(),
        accepted.ravel(),
        too_varied.ravel(),
    )


def _spread(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Return the indices, ascending, of ``count`` of (N, 2) places that lie far from each other.

    The first place, then in turn the one whose nearest chosen one is farthest; ties go to the
    first.
    """
    if len(places) <= count:
        return np.arange(len(places))
    chosen = [0]
    distances = ((places - places[0]) ** 2).sum(axis=1)
    while len(chosen) < count:
        chosen.append(int(distances.argmax()))
        np.minimum(distances, ((places - places[chosen[-1]]) ** 2).sum(axis=1), out=distances)
    return np.sort(np.array(chosen))


def suggest_max_variance(searches: Sequence[NoiseSearch]) -> float | None:
    """Return the smallest ``max_variance`` with which some position would have been accepted.

    None when no position fails by its variance alone.
    """
    candidates = np.concatenate([search.variances[search.too_varied] for search in searches])
    return None if candidates.size == 0 else float(np.ceil(candidates.min()))


def extract_noise_patches(
    pixels: AnyArray, selection: NoiseSelection, *, source: str = ""
) -> list[NoisePatch]:
    """Return the flat patches of a photo that are kept, in reading order.

    Parameters and errors as for :func:`search_noise_patches`; ``source`` names the photo.
    """
    search = search_noise_patches(pixels, selection)
    return take_patches(pixels, search, source=source)


def take_patches(pixels: AnyArray, search: NoiseSearch, *, source: str) -> list[NoisePatch]:
    """Cut out the patches of ``pixels`` that ``search`` keeps."""
    statistics = zip(
        search.boxes, search.variances[search.kept], search.means[search.kept], strict=True
    )
    return [
        NoisePatch(
            pixels[box[0] : box[0] + box[2], box[1] : box[1] + box[3]],
            float(variance),
            float(mean),
            source,
            box,
        )
        for box, variance, mean in statistics
    ]
