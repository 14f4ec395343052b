"""How blur grows from the middle of photos to their corners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, exp, log

import numpy as np

from degrade.errors import InvalidValueError

__all__ = ["LEAST_PHOTOS", "RINGS", "RadiusCurve", "Ring", "radius_curve"]

RINGS = 5
"""Rings of equal breadth around the middle of a photo; the last one ends in its corners."""

LEAST_PHOTOS = 6
"""Fewer have no interval of the median at 95 %."""

_MISSED = 0.05


@dataclass(frozen=True, slots=True)
class Ring:
    """What is known between two radii, which are shares of the half diagonal.

    Attributes
    ----------
    inner, outer : float
    radius : float or None
        The mean of the regions' middles that lie in it; None when there are none.
    photos : int
        How many tell the width here and in the reference ring.
    ratio : float or None
        Width over that in the reference ring: the median of photos. None: it cannot be told.
    interval : (float, float) or None
        Of that median, at 95 %.
    """

    inner: float
    outer: float
    radius: float | None
    photos: int
    ratio: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class RadiusCurve:
    """Width against radius.

    Attributes
    ----------
    rings : tuple of Ring
        All five, from the middle on.
    reference : int
        Number of the ring that the others are compared with: the innermost that is known.
    sigma : float
        The median of widths there, in HR pixels.
    photos : int
        That tell of at least one region.
    """

    rings: tuple[Ring, ...]
    reference: int
    sigma: float
    photos: int

    @property
    def told(self) -> tuple[Ring, ...]:
        """The rings beyond the reference whose width can be told."""
        return tuple(ring for ring in self.rings[self.reference + 1 :] if ring.ratio is not None)


def radius_curve(photos: Sequence[Sequence[tuple[float, float]]]) -> RadiusCurve | None:
    """Compare the blur of rings with that in the middle, photo by photo.

    Photos differ in sharpness more than the places in one do, so each ring is compared with the
    reference ring of the same photo. The median holds where single regions are out of focus, and
    its interval is exact whatever the distribution (order statistics).

    Parameters
    ----------
    photos : sequence of sequences of (radius, width)
        Of each photo the regions that tell: radius as a share of the half diagonal, width above 0.

    Returns
    -------
    RadiusCurve or None
        None when no photo tells anything.

    Raises
    ------
    InvalidValueError
        A radius is not in [0, 1], or a width not above 0.
    """
    known = [_by_ring(regions) for regions in photos if regions]
    if not known:
        return None
    counts = [sum(ring in widths for widths in known) for ring in range(RINGS)]
    enough = [ring for ring in range(RINGS) if counts[ring] >= LEAST_PHOTOS]
    reference = (enough or [ring for ring in range(RINGS) if counts[ring]])[0]
    radii = _mean_radii(photos)
    rings = tuple(_ring(known, ring, reference, radii.get(ring)) for ring in range(RINGS))
    there = [widths[reference] for widths in known if reference in widths]
    return RadiusCurve(rings, reference, exp(float(np.median(there))), len(known))


def _number(radius: float) -> int:
    if not 0 <= radius <= 1:
        raise InvalidValueError(f"a radius must be in [0, 1], got {radius}")
    return min(int(radius * RINGS), RINGS - 1)


def _by_ring(regions: Sequence[tuple[float, float]]) -> dict[int, float]:
    """Return by ring the median of the logarithms of widths."""
    found: dict[int, list[float]] = defaultdict(list)
    for radius, width in regions:
        if not width > 0:
            raise InvalidValueError(f"a width must be above 0, got {width}")
        found[_number(radius)].append(log(width))
    return {ring: float(np.median(widths)) for ring, widths in found.items()}


def _mean_radii(photos: Sequence[Sequence[tuple[float, float]]]) -> dict[int, float]:
    found: dict[int, list[float]] = defaultdict(list)
    for regions in photos:
        for radius, _ in regions:
            found[_number(radius)].append(radius)
    return {ring: float(np.mean(radii)) for ring, radii in found.items()}


def _ring(
    known: Sequence[Mapping[int, float]], ring: int, reference: int, radius: float | None
) -> Ring:
    steps = sorted(
        widths[ring] - widths[reference]
        for widths in known
        if ring in widths and reference in widths
    )
    inner, outer = ring / RINGS, (ring + 1) / RINGS
    if len(steps) < LEAST_PHOTOS:
        return Ring(inner, outer, radius, len(steps))
    cut = _cut_off(len(steps))
    interval = exp(steps[cut]), exp(steps[-1 - cut])
    return Ring(inner, outer, radius, len(steps), exp(float(np.median(steps))), interval)


def _cut_off(count: int) -> int:
    """Return how many values at each end lie outside the interval of the median."""
    below, cut = 0, 0
    while 2 * (below + comb(count, cut)) <= _MISSED * 2**count:
        below += comb(count, cut)
        cut += 1
    return cut - 1
