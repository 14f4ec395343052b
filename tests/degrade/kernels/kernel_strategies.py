"""Kernels for tests: weights of any kind, and Gaussians that follow the phase rule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from degrade.kernels import (
    BlurKernel,
    centre_of_mass,
    gaussian_kernel,
    phase_centre,
)

scales = st.sampled_from([2, 3, 4])


def raw_weights(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[npt.NDArray[np.float64]]:
    """Return arrays of positive weights, some of them zero, that are not all zero."""
    return sizes.flatmap(
        lambda size: hnp.arrays(np.float64, (size, size), elements=st.floats(0, 10))
    ).filter(lambda weights: bool(weights.sum() > 1e-3))


@st.composite
def gaussians(draw: st.DrawFn) -> BlurKernel:
    size = draw(st.sampled_from([5, 9, 13, 21]))
    sigma = (draw(st.floats(0.4, 3.0)), draw(st.floats(0.4, 3.0)))
    return gaussian_kernel(size, draw(scales), sigma, draw(st.floats(0, 3.14)))


def phase_offset(kernel: BlurKernel) -> float:
    offset = centre_of_mass(kernel.weights) - phase_centre(kernel.size, kernel.scale)
    return float(np.abs(offset).max())
