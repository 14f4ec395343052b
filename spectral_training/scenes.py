"""Drawn scenes: sharp pictures without end, where photos that one may train on are few.

Opaque shapes of all sizes lie over one another, as in the "dead leaves" model of natural images
(Lee, Mumford and Huang, "Occlusion Models for Natural Images", IJCV 2001); some have a texture.
"""

from __future__ import annotations

import cv2
import numpy as np

from degrade.arrays import FloatArray

__all__ = ["draw_scene"]

_KINDS = ("polygon", "blob", "rectangle", "bar")
_KIND_WEIGHTS = (1, 1, 1, 0.6)
_FINER = 2  # drawn so much larger, so that edges are smooth
_SUBPIXELS = 4  # bits


def draw_scene(rng: np.random.Generator, side: int) -> FloatArray:
    """Draw a scene of random shapes, contrast, texture and light.

    Parameters
    ----------
    rng : numpy.random.Generator
    side : int
        In pixels.

    Returns
    -------
    (side, side) float32 array
        Grey levels on [0, 255].
    """
    layers = _draw_shapes(rng, side * _FINER)
    smaller = cv2.resize(layers, (side, side), interpolation=cv2.INTER_AREA)
    grey = np.asarray(smaller[..., 0], np.float32)
    for amplitude in (smaller[..., 1], smaller[..., 2]):
        grey = grey + amplitude * _draw_texture(rng, side, rng.uniform(0.3, 1.6))
    if rng.random() < 0.5:
        grey = grey * (1 + 0.25 * rng.random() * _draw_texture(rng, side, 2.0))
    # No camera's picture is as sharp as a drawn one.
    sigma = rng.uniform(0, 0.9)
    if sigma > 0.25:
        cv2.GaussianBlur(grey, (0, 0), sigma, dst=grey)
    return np.clip(grey, 0, 255)


def _draw_shapes(rng: np.random.Generator, side: int) -> FloatArray:
    """Return (side, side, 3): the shapes' grey levels, and how strong two textures are on each."""
    layers = np.empty((side, side, 3), np.float32)
    layers[:] = rng.uniform(30, 220), rng.uniform(0, 15), 0
    radii = _draw_radii(rng, side)
    kinds = rng.choice(_KINDS, size=len(radii), p=rng.dirichlet(_KIND_WEIGHTS))
    contrast, middle = rng.uniform(0.2, 1) * 60, rng.uniform(60, 180)
    textured = 0.8 * rng.random()
    for kind, radius in zip(kinds, radii, strict=True):
        outline = _draw_outline(rng, kind, radius) + rng.uniform(0, side, 2)
        values = (
            float(np.clip(rng.normal(middle, contrast), 0, 255)),
            rng.exponential(10) if rng.random() < textured else 0.0,
            rng.exponential(10) if rng.random() < 0.6 * textured else 0.0,
        )
        corners = np.round(outline * 2**_SUBPIXELS).astype(np.int32)
        cv2.fillPoly(layers, [corners], values, shift=_SUBPIXELS)
    return layers


def _draw_radii(rng: np.random.Generator, side: int) -> FloatArray:
    """Return the sizes of the shapes by a power law, the large ones mostly first."""
    power = 1 - rng.uniform(1.8, 3.4)
    smallest, largest = rng.uniform(1.5, 8) ** power, (side * rng.uniform(0.1, 0.5)) ** power
    shares = rng.random(int(rng.uniform(300, 3000)))
    radii = (smallest + shares * (largest - smallest)) ** (1 / power)
    order = np.argsort(rng.normal(0, 0.3, len(radii)) * radii - radii)
    return np.asarray(radii[order], np.float32)


def _draw_outline(rng: np.random.Generator, kind: str, radius: float) -> FloatArray:
    """Return the (N, 2) corners of a shape around the origin."""
    turn = rng.uniform(0, np.pi)
    if kind in ("rectangle", "bar"):
        if kind == "bar":
            half = radius * rng.uniform(2, 6), max(radius * rng.uniform(0.02, 0.15), 0.7)
        else:
            half = radius * rng.uniform(0.3, 1.5), radius * rng.uniform(0.3, 1.5)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        turn *= rng.random() < 0.5  # as much of what people build stands upright
    else:
        if kind == "polygon":
            angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
            reach = radius * rng.uniform(0.6, 1.3, len(angles))
        else:
            angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            first, second = rng.uniform(0, 2 * np.pi, 2)
            waves = 0.3 * rng.random() * np.cos(2 * angles + first)
            reach = radius * (1 + waves + 0.15 * np.cos(3 * angles + second))
        flatness = rng.uniform(0.3, 1)
        corners = np.stack([reach * np.cos(angles), flatness * reach * np.sin(angles)], axis=1)
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.asarray(corners @ np.array([[cosine, sine], [-sine, cosine]]), np.float32)


def _draw_texture(rng: np.random.Generator, side: int, slope: float) -> FloatArray:
    """Return noise whose amplitudes fall with frequency as f^−slope; deviation 1, mean 0."""
    rows = np.fft.fftfreq(side)[:, None] * rng.uniform(0.6, 1.6)
    frequency = np.hypot(rows, np.fft.rfftfreq(side)[None])
    frequency[0, 0] = np.inf
    waves = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
    texture = np.fft.irfft2(waves * frequency**-slope, (side, side))
    return np.asarray(texture / texture.std(), np.float32)
