"""The array types that public signatures speak of."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["AnyArray", "Box", "FloatArray", "U8Array"]

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""float32; images are RGB (H, W, 3) in [0, 1] unless said otherwise."""

U8Array: TypeAlias = npt.NDArray[np.uint8]
"""uint8; images are RGB (H, W, 3) in 0…255."""

AnyArray: TypeAlias = npt.NDArray[Any]

Box: TypeAlias = tuple[int, int, int, int]
"""(top, left, height, width) in pixels."""
