"""Which of many values lie apart from the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["outliers"]

_FEWEST = 8
_APART = 4.0
_LEAST = 0.1


def outliers(values: Sequence[float]) -> dict[int, str]:
    """Return the numbers of positive values that lie apart, with ``wider`` or ``narrower``.

    Apart is what differs from the median, as a ratio, by more than four standard deviations and
    more than a tenth; the deviation is that of the median absolute one. Fewer than eight values
    tell of none.
    """
    logs = np.log(np.asarray(values, np.float64))
    if len(logs) < _FEWEST:
        return {}
    off = logs - np.median(logs)
    spread = 1.4826 * np.median(np.abs(off))
    apart = np.abs(off) > max(_APART * spread, _LEAST)
    return {int(n): "wider" if off[n] > 0 else "narrower" for n in np.flatnonzero(apart)}
