"""The field's random chain: blur, resize, noise and JPEG, twice, with sinc filters.

References
----------
Wang, Xie, Dong, Shan, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic
Data", ICCVW 2021, sections 3 and 4.1: every probability and range below is of that paper. What is
otherwise, and why, stands in docs/recipes.md.
"""

from __future__ import annotations

from math import pi

from degrade.degradation.recipe import Entry, Recipe
from degrade.degradation.steps import (
    GaussianNoise,
    GaussianNoiseSettings,
    HrPatch,
    Jpeg,
    JpegChoice,
    LrSize,
    PoissonNoise,
    PoissonNoiseSettings,
    Resize,
    ResizeSettings,
    Sinc,
    SincSettings,
    SyntheticBlur,
    SyntheticBlurSettings,
)
from degrade.degradation.steps.synthetic_blur import Shape

__all__ = ["SECOND_ORDER"]

_SHAPES: tuple[tuple[Shape, bool, float], ...] = (
    ("gaussian", True, 0.45),
    ("gaussian", False, 0.25),
    ("generalised", True, 0.12),
    ("generalised", False, 0.03),
    ("plateau", True, 0.12),
    ("plateau", False, 0.03),
)
_BETA: dict[Shape, tuple[float, float]] = {
    "gaussian": (1.0, 1.0),  # the default: it has none
    "generalised": (0.5, 4.0),
    "plateau": (1.0, 2.0),
}
_SINC = 0.1
_GREY = 0.4
_QUALITY = (30, 95)


def _blurs(name: str, sigma: tuple[float, float], share: float) -> list[Entry]:
    """Return a blur in ``share`` of all plans, a tenth of them by a sinc filter."""
    blurs = [
        Entry(
            SyntheticBlur.kind,
            SyntheticBlurSettings(shape, isotropic, sigma, _BETA[shape]),
            round(share * (1 - _SINC) * often, 6),
            name,
        )
        for shape, isotropic, often in _SHAPES
    ]
    return [*blurs, *_sincs(name, share * _SINC)]


def _sincs(name: str, share: float) -> list[Entry]:
    """Return sinc filters of 7 to 21 taps; small ones cut off at π/3 or higher, others at π/5."""
    highest = round(pi, 6)
    return [
        Entry(
            Sinc.kind,
            SincSettings((round(lowest, 6), highest), sizes),
            round(share * (sizes[1] - sizes[0] + 2) / 16, 6),
            name,
        )
        for lowest, sizes in ((pi / 3, (7, 11)), (pi / 5, (13, 21)))
    ]


def _resizes(name: str, settings: ResizeSettings, larger: float, smaller: float) -> list[Entry]:
    """Return a resize to more in ``larger`` of the plans, and to less in ``smaller``."""
    low, high = settings.factor
    return [
        Entry(Resize.kind, ResizeSettings((1.0, high), settings.of), larger, name),
        Entry(Resize.kind, ResizeSettings((low, 1.0), settings.of), smaller, name),
    ]


def _noises(name: str, sigma: tuple[float, float], strength: tuple[float, float]) -> list[Entry]:
    """Return normal noise in half of the plans and shot noise in the others; 40 % is grey."""
    return [
        Entry(kind, settings(range_, grey), round(0.5 * share, 6), name)
        for kind, settings, range_ in (
            (GaussianNoise.kind, GaussianNoiseSettings, sigma),
            (PoissonNoise.kind, PoissonNoiseSettings, strength),
        )
        for grey, share in ((False, 1 - _GREY), (True, _GREY))
    ]


_LAST_JPEG = Entry(Jpeg.kind, JpegChoice(_QUALITY), 0.5, "last JPEG")

SECOND_ORDER = Recipe(
    "second-order",
    (
        Entry(HrPatch.kind),
        *_blurs("first blur", (0.2, 3.0), 1.0),
        *_resizes("first resize", ResizeSettings((0.15, 1.5)), 0.2, 0.7),
        *_noises("first noise", (1.0, 30.0), (0.05, 3.0)),
        Entry(Jpeg.kind, JpegChoice(_QUALITY)),
        *_blurs("second blur", (0.2, 1.5), 0.8),
        *_resizes("second resize", ResizeSettings((0.3, 1.2), "lr"), 0.3, 0.4),
        *_noises("second noise", (1.0, 25.0), (0.05, 2.5)),
        # Half of the plans compress before the last resize and sinc, half after.
        _LAST_JPEG,
        Entry(LrSize.kind),
        *_sincs("last sinc", 0.8),
        _LAST_JPEG,
    ),
)
"""For robustness: degradations that no measurement has seen."""
