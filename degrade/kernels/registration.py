"""Measuring how far one image lies from another, to hundredths of a pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError

__all__ = ["measure_shift"]

_MARGIN = 8


def measure_shift(
    image: FloatArray, reference: FloatArray, *, smoothing: float = 1.0, iterations: int = 8
) -> tuple[float, float]:
    """Return the (row, column) translation that takes ``reference`` to ``image``, in pixels.

    Parameters
    ----------
    image, reference : (H, W, C) or (H, W) float32 arrays
        Of one shape, at least 32 pixels a side. They may differ in blur and noise, not in content.
    smoothing : float
        Standard deviation, in pixels, of the blur that both get first: against noise, and so that
        a difference in sharpness does not look like motion.
    iterations : int
        Gauss-Newton steps.

    Returns
    -------
    (float, float)
        (0, 0) where the reference has no gradients to hold on to.

    References
    ----------
    Lucas and Kanade, "An iterative image registration technique", IJCAI 1981, for a translation
    of the whole image, with gain and offset between the images left free.
    """
    if image.shape != reference.shape or min(image.shape[:2]) < 32:
        raise InvalidValueError(
            f"images must have one shape of at least 32×32, got {image.shape}, {reference.shape}"
        )
    target, base = (_prepare(array, smoothing) for array in (image, reference))
    inner = (slice(_MARGIN, -_MARGIN),) * 2
    shift = np.zeros(2)
    for _ in range(iterations):
        moved = scipy.ndimage.shift(base, shift, order=3, mode="nearest")
        rows, columns = np.gradient(moved)
        # moved(x - d) ≈ moved - d·∇moved; gain and offset soak up what blur and noise change.
        terms = (-rows[inner], -columns[inner], moved[inner], np.ones_like(moved[inner]))
        design = np.stack([term.ravel() for term in terms], axis=1)
        step = np.linalg.lstsq(design, target[inner].ravel(), rcond=None)[0][:2]
        if not np.isfinite(step).all():
            break
        shift += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-4:
            break
    return float(shift[0]), float(shift[1])


def _prepare(image: FloatArray, smoothing: float) -> npt.NDArray[np.float64]:
    grey = image.astype(np.float64)
    if grey.ndim == 3:
        grey = grey.mean(axis=2)
    return np.asarray(scipy.ndimage.gaussian_filter(grey, smoothing), dtype=np.float64)
