"""The search for noise as it is defined, window by window, and photos and gates to try it on."""

from __future__ import annotations

from typing import Any

import numpy as np

from degrade.noise import (
    NoiseSelection,
)

# Gates that let everything through, to be closed one by one.
OPEN: dict[str, Any] = {
    "patch_size": 8,
    "max_variance": 1e9,
    "min_variance": 0.0,
    "min_mean": 0.0,
    "max_clipped": 1.0,
    "max_structure": 1e9,
    "max_unevenness": 1.0,
    "min_roughness": 0.0,
    "max_patches": 10**6,
}


def open_selection(**changes: Any) -> NoiseSelection:
    return NoiseSelection(**{**OPEN, **changes})


def noisy_photo(
    rng: np.random.Generator,
    height: int = 40,
    width: int = 52,
    level: float = 120,
    sigma: float = 3,
) -> np.ndarray:
    values = level + sigma * rng.standard_normal((height, width, 3))
    return np.rint(values).clip(0, 255).astype(np.uint8)


def roughness_of(window: np.ndarray) -> float:
    """The definition, about the plane of least squares."""
    grey = window.astype(np.float64) @ np.array([1.0, 2.0, 1.0])
    down, along = np.indices(grey.shape)
    plane = np.stack([down.ravel(), along.ravel(), np.ones(grey.size)], axis=1)
    (fall, rise, _), *_ = np.linalg.lstsq(plane, grey.ravel(), rcond=None)
    rest = grey - fall * down - rise * along
    steps = [(np.diff(rest, axis=axis) ** 2).mean() for axis in (0, 1)]
    return sum(steps) / 4 / rest.var() if rest.var() > 1e-6 else 1.0


GATE_NAMES = ("variance", "flat", "dark", "clipped", "textured", "uneven", "soft")


def naive_search(pixels: np.ndarray, selection: NoiseSelection) -> tuple[list[Any], dict[str, int]]:
    """The definition, patch by patch."""
    assert selection.patch_size is not None
    size, stride = selection.patch_size, selection.stride or selection.patch_size
    peak = np.iinfo(pixels.dtype).max
    grey = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) * 255 / peak
    boxes, refused = [], dict.fromkeys([*GATE_NAMES], 0)
    starts = [
        sorted({*range(0, side - size + 1, stride), side - size} if side >= size else set())
        for side in pixels.shape[:2]
    ]
    for top in starts[0]:
        for left in starts[1]:
            window = pixels[top : top + size, left : left + size]
            level = grey[top : top + size, left : left + size]
            block = size // 4
            blocks = [
                window[i * block : (i + 1) * block, j * block : (j + 1) * block].astype(np.float64)
                for i in range(4)
                for j in range(4)
            ]
            variances = np.array([values.var(axis=(0, 1)) for values in blocks])
            within = variances.mean(axis=0)
            between = np.array([values.mean(axis=(0, 1)) for values in blocks]).var(axis=0)
            structure = max(
                top / mean if mean > 0 else 1.0
                for top, mean in zip(variances.max(axis=0), within, strict=True)
            )
            unevenness = max(
                b / (b + w) if b + w > 0 else 0.0 for b, w in zip(between, within, strict=True)
            )
            clipped = ((window == 0) | (window == peak)).any(axis=2).mean()
            for gate, fails in (
                ("variance", level.var() > selection.max_variance),
                ("flat", level.var() < selection.min_variance),
                ("dark", level.mean() < selection.min_mean),
                ("clipped", clipped > selection.max_clipped),
                ("textured", structure > selection.max_structure),
                ("uneven", unevenness > selection.max_unevenness),
                ("soft", roughness_of(window) < selection.min_roughness),
            ):
                if fails:
                    refused[gate] += 1
                    break
            else:
                boxes.append((top, left, size, size))
    return boxes, refused
