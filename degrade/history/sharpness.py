"""How sharp a photo is by its edges: blurred how much and along what, and sharpened after it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from degrade.history.edges import EdgeProfiles
from degrade.history.profile_fit import fit_steps, fit_widths

__all__ = [
    "ENOUGH_EDGES",
    "EdgeBlur",
    "Sharpening",
    "blur_kind",
    "measure_edge_blur",
    "measure_sharpening",
]

_Floats = npt.NDArray[np.float64]

ENOUGH_EDGES = 12
"""With fewer nothing is told."""

_GROUPS = 5
_NINETY = 1.645
"""Standard deviations to each side of an interval that holds nine tenths."""

_LEAST_AMOUNT, _LEAST_OVERSHOOT = 0.2, 0.04

_SOFT = 1.2
"""σ in pixels; what cameras and reductions give is below."""

_LEAST_MOTION, _WIDER, _SHARPEST = 2.0, 1.7, 0.4
_DIRECTIONS_FOR_MOTION = 6

_OF_BOX = 1.1
"""A normal distribution fitted to the step of a box is wider than the box by so much."""

_OWN_DOUBT, _SHARE_DOUBT = 0.06, 0.2
"""Standard deviations of a beyond what the edges differ by, and of a and s as shares: they can
stand for each other."""

_SOFTER = 3.0
"""Edges of a scene are softer than steps and overshoot less: a may be so many times what they show.
Of photos that were sharpened by 0.6 to 2, edges showed 0.3 to 0.9."""

_DIRECTIONS = 8
_PER_DIRECTION = 3


@dataclass(frozen=True, slots=True)
class Sharpening:
    """What was done to edges, as K = G_σ · (1 + a · (1 − G_s)).

    Attributes
    ----------
    sigma, amount, radius : (low, value, high) float
        σ, a and s with the interval that holds nine tenths; pixels, a without unit. As edges show
        them: a is rather too small, which its interval allows for.
    overshoot : (low, value, high) float
        Of edges, as a share of the step.
    edges : int
        How many were used.
    """

    sigma: tuple[float, float, float]
    amount: tuple[float, float, float]
    radius: tuple[float, float, float]
    overshoot: tuple[float, float, float]
    edges: int

    @property
    def is_told(self) -> bool:
        """Whether it is to be said that the photo was sharpened."""
        return self.amount[1] >= _LEAST_AMOUNT and self.overshoot[0] >= _LEAST_OVERSHOOT


@dataclass(frozen=True, slots=True)
class EdgeBlur:
    """How wide edges are in each direction: σ² = σ₀² + ℓ² / 12 · cos²(θ − φ).

    Attributes
    ----------
    sigma : float
        σ₀, across the motion, pixels.
    length : (low, value, high) float
        ℓ, how far the photo moved, pixels.
    angle : float
        φ, along which, degrees in [0, 180), counter-clockwise from the rows.
    directions : int
        Of eight, those that had edges.
    edges : int
    """

    sigma: float
    length: tuple[float, float, float]
    angle: float
    directions: int
    edges: int


def measure_sharpening(edges: EdgeProfiles) -> Sharpening | None:
    """Fit blur and sharpening to the sharpest third of the edges; None when they are too few."""
    sharpest = edges.part(np.argsort(edges.widths, kind="stable")[: max(len(edges) // 3, 8)])
    if len(edges) < ENOUGH_EDGES:
        return None
    group = np.arange(len(sharpest)) % _GROUPS
    curves = [_typical(sharpest.profiles)]
    curves += [_typical(sharpest.profiles[group != left_out]) for left_out in range(_GROUPS)]
    fit = fit_steps(np.array(curves))
    own_doubt = _OWN_DOUBT + _SHARE_DOUBT * abs(float(fit.amount[0]))
    low, amount, high = _interval(fit.amount, own_doubt)
    return Sharpening(
        sigma=_interval(fit.sigma, 0.03 * fit.sigma[0]),
        amount=(low, amount, high + (_SOFTER - 1) * max(amount, 0.0)),
        radius=_interval(fit.radius, _SHARE_DOUBT * fit.radius[0]),
        overshoot=_interval(fit.overshoot, 0.004),
        edges=len(sharpest),
    )


def _typical(profiles: _Floats) -> _Floats:
    return np.asarray(np.median(profiles, axis=0))


def _interval(values: _Floats, least: float, low: float = 0.0) -> tuple[float, float, float]:
    """Return the first value with its interval, from those with a group left out."""
    rest = values[1:]
    error = math.sqrt((len(rest) - 1) / len(rest) * float(((rest - rest.mean()) ** 2).sum()))
    reach = _NINETY * math.hypot(error, least)
    value = float(values[0])
    return max(value - reach, low), value, value + reach


def measure_edge_blur(edges: EdgeProfiles) -> EdgeBlur | None:
    """Fit the width of edges by direction; None when edges or directions are too few."""
    if len(edges) < ENOUGH_EDGES:
        return None
    found = [_fit_directions(edges)]
    if found[0] is None:
        return None
    group = np.arange(len(edges)) % _GROUPS
    found += [_fit_directions(edges.part(group != left_out)) for left_out in range(_GROUPS)]
    fits = np.array([fit for fit in found if fit is not None])
    mean, cosine, sine = fits[0, :3]
    swing = np.hypot(fits[:, 1], fits[:, 2])
    lengths = np.sqrt(12 * 2 * swing) / _OF_BOX
    across = max(mean - swing[0], 0.0)
    return EdgeBlur(
        sigma=math.sqrt(across),
        length=_interval(lengths, 0.3) if len(fits) > 2 else (0.0, lengths[0], math.inf),
        # Rows are counted downwards, angles upwards.
        angle=float(np.degrees(-0.5 * math.atan2(sine, cosine)) % 180),
        directions=int(fits[0, 3]),
        edges=len(edges),
    )


def blur_kind(
    sharpening: Sharpening, blur: EdgeBlur | None
) -> Literal["motion", "defocus", "sharp"]:
    """Tell what blurred a photo, if anything did.

    Motion is told where six of eight directions were seen, it is longer than two pixels for
    certain, and edges across it are wider than others by more than lenses make them.
    """
    if blur is not None and blur.directions >= _DIRECTIONS_FOR_MOTION:
        across, least = max(blur.sigma, _SHARPEST), blur.length[0]
        widening = math.sqrt(across**2 + least**2 / 12) / across
        if least >= _LEAST_MOTION and widening >= _WIDER:
            return "motion"
    return "defocus" if sharpening.sigma[0] >= _SOFT else "sharp"


def _fit_directions(edges: EdgeProfiles) -> tuple[float, float, float, float] | None:
    """Return mean, cosine and sine part of σ² by twice the angle, and the number of directions."""
    sector = np.floor(edges.angles / np.pi * _DIRECTIONS + 0.5).astype(int) % _DIRECTIONS
    curves, angles, counts = [], [], []
    for number in range(_DIRECTIONS):
        own = edges.part(np.flatnonzero(sector == number))
        if len(own) < _PER_DIRECTION:
            continue
        own = own.part(np.argsort(own.widths, kind="stable")[: max(len(own) // 3, _PER_DIRECTION)])
        curves.append(_typical(own.profiles))
        double = np.exp(2j * own.angles).mean()
        angles.append(np.angle(double))
        counts.append(len(own))
    if len(curves) < 3:
        return None
    squares = fit_widths(np.array(curves)) ** 2
    double_angles, weights = np.array(angles), np.minimum(np.array(counts, float), 12) / squares**2
    design = np.stack([np.ones_like(squares), np.cos(double_angles), np.sin(double_angles)], axis=1)
    normal = (design.T * weights) @ design
    if np.linalg.cond(normal) > 1e3:
        return None
    mean, cosine, sine = np.linalg.solve(normal, design.T @ (weights * squares))
    return mean, cosine, sine, len(curves)
