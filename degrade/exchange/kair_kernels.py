"""The kernels of a set of pairs in KAIR's form."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import scipy

from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel

__all__ = ["encode_kair_kernels"]


def encode_kair_kernels(kernels: Sequence[BlurKernel]) -> bytes:
    """Return kernels as KAIR's ``kernels_12.mat`` has them: ``kernels``, a 1×N cell, float64.

    KAIR convolves where this project correlates, so the kernels are flipped along both axes; that
    puts their centre of mass at K//2 - (scale - 1)/2. The same kernels give the same bytes.

    Raises
    ------
    InvalidValueError
        There is no kernel.
    """
    if not kernels:
        raise InvalidValueError("there is no kernel to write")
    cell = np.empty((1, len(kernels)), dtype=object)
    for number, kernel in enumerate(kernels):
        cell[0, number] = kernel.weights[::-1, ::-1].astype(np.float64)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"kernels": cell})
    # scipy writes the time into the 116 bytes of free text that begin a MATLAB file.
    text = b"MATLAB 5.0 MAT-file, written by degrade".ljust(116)
    return text + buffer.getvalue()[116:]
