"""A camera's noise as a model: how strong at which colour, of which grain.

It is fitted to flat patches and makes noise of any size, without repetition, as strong everywhere
as the colour there asks for. What is no noise is kept out: from each cell of a patch its best plane
is taken; cells that are smoother than the camera's own grain are soft texture, and refused; and no
photo weighs more than twice what the median photo does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.errors import InvalidValueError
from degrade.noise.cells import CELL, measure_cells, roughest
from degrade.noise.grain import Grain, draw_grain, fit_grain
from degrade.noise.strength import Strength, fit_strength, sigma_at

__all__ = ["NoiseModel", "fit_noise_model", "make_noise"]

_LEAST_CELLS = 8
_LEAST_ROUGHNESS = 0.85
"""Of that which a tenth of the cells exceeds; chosen on the cameras of docs/benchmarks.md."""


@dataclass(frozen=True, slots=True, eq=False)
class NoiseModel:
    """The noise of a camera.

    Attributes
    ----------
    strengths : tuple of three Strength
        Of red, green and blue.
    grain : Grain
    cells, photos : int
        What it was fitted to.
    """

    strengths: tuple[Strength, ...]
    grain: Grain
    cells: int
    photos: int


def fit_noise_model(photos: Sequence[Sequence[U8Array]]) -> NoiseModel:
    """Fit a model to flat patches of photos of one camera.

    Parameters
    ----------
    photos : sequence of sequences of (P, P, 3) uint8 arrays
        For each photo its patches; sides from 16 on.

    Raises
    ------
    InvalidValueError
        Fewer than 8 cells of 16×16 are neither textured nor clipped.
    """
    cells = measure_cells(photos)
    usual = np.quantile(cells.roughness, 0.9) if len(cells.photo) else 1.0
    least = _LEAST_ROUGHNESS * float(usual)
    cells = roughest(cells, least)
    if len(cells.photo) < _LEAST_CELLS:
        raise InvalidValueError(
            f"a noise model needs {_LEAST_CELLS} flat cells of {CELL}×{CELL} pixels, "
            f"got {len(cells.photo)}"
        )
    weights = _shares(cells.photo)
    grain, kept = fit_grain(cells, weights, least)
    strengths = []
    for channel in range(3):
        seen = fit_strength(cells, weights, channel)
        back = 1 / np.sqrt(kept[channel])  # what the planes have taken
        curves = {name: getattr(seen, name) * back for name in ("sigma", "low", "high")}
        strengths.append(replace(seen, **curves))
    return NoiseModel(tuple(strengths), grain, len(cells.photo), len(np.unique(cells.photo)))


def _shares(photo: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return a weight for each cell: no photo weighs more than twice the median one."""
    counts = np.bincount(photo)
    most = 2 * np.median(counts[counts > 0])
    weights: npt.NDArray[np.float64] = np.minimum(1.0, most / counts[photo])
    return weights


def make_noise(model: NoiseModel, levels: FloatArray, seed: int) -> FloatArray:
    """Make noise for an image: of the model's grain, as strong as its colours ask for.

    Parameters
    ----------
    model : NoiseModel
    levels : (h, w, 3) float32 array
        The image without noise, in grey levels; beyond 0 … 255 as at the ends.
    seed : int
        At least 0.

    Returns
    -------
    (h, w, 3) float32 array
        In grey levels; of one model and seed the same bits on every machine.
    """
    noise = draw_grain(model.grain, levels.shape[0], levels.shape[1], seed)
    noise *= sigma_at(model.strengths, levels)
    return noise
