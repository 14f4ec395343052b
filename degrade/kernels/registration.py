"""Measuring how far one image lies from another, to hundredths of a pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError

__all__ = ["measure_shift", "measure_shift_and_error"]

_MARGIN = 8
_RANGE = 3.0
"""Pixels: what an image differs by is alike so far around, by grain and by the blur against it."""

_FITTED = 4
"""Rows, columns, gain and offset."""

_LEAST_PLACES = 6
"""Of small images so many parts are taken to err on their own, more than are fitted."""

_Float64Array = npt.NDArray[np.float64]


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
    return _register(image, reference, smoothing, iterations)[0]


def measure_shift_and_error(
    image: FloatArray, reference: FloatArray, *, smoothing: float = 1.0, iterations: int = 8
) -> tuple[tuple[float, float], _Float64Array]:
    """Return what :func:`measure_shift` returns, and how well it is known.

    Parameters
    ----------
    image, reference, smoothing, iterations
        As of :func:`measure_shift`.

    Returns
    -------
    shift : (float, float)
    covariance : (2, 2) float64 array
        Of the shift's errors, in pixels squared, by what is left between the images: noise, grain
        and blur.

    References
    ----------
    Newey and West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation
    consistent covariance matrix", Econometrica 1987; here in two dimensions.
    """
    shift, design, left = _register(image, reference, smoothing, iterations)
    alike = min(_RANGE, float(np.sqrt(left.size / (4 * np.pi * _LEAST_PLACES))))
    places = left.size / (4 * np.pi * alike**2)
    scores = design * left[..., None]
    around = scipy.ndimage.gaussian_filter(scores, (alike, alike, 0), mode="constant")
    middle = np.tensordot(scores, around, ((0, 1), (0, 1))) * 2 * np.pi * alike**2
    inverse = np.linalg.pinv(np.tensordot(design, design, ((0, 1), (0, 1))))
    spread = inverse @ middle @ inverse * places / (places - _FITTED)
    return shift, np.asarray(spread[:2, :2])


def _register(
    image: FloatArray, reference: FloatArray, smoothing: float, iterations: int
) -> tuple[tuple[float, float], _Float64Array, _Float64Array]:
    """Return the shift, (h, w, 4) what was fitted last, and (h, w) what that leaves."""
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
        fitted = np.linalg.lstsq(design, target[inner].ravel(), rcond=None)[0]
        step = fitted[:2]
        if not np.isfinite(step).all():
            break
        shift += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-4:
            break
    left = target[inner] - (design @ fitted).reshape(target[inner].shape)
    return (float(shift[0]), float(shift[1])), design.reshape(*left.shape, _FITTED), left


def _prepare(image: FloatArray, smoothing: float) -> _Float64Array:
    grey = image.astype(np.float64)
    if grey.ndim == 3:
        grey = grey.mean(axis=2)
    return np.asarray(scipy.ndimage.gaussian_filter(grey, smoothing), dtype=np.float64)
