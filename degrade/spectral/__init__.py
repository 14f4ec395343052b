"""The spectral estimator: a photo's blur kernel from the statistics of its windows.

A small network, trained once on photos blurred by known kernels of many kinds, reads the kernel off
power spectra and edge profiles. It needs neither PyTorch nor iterations.
"""

from __future__ import annotations

from degrade.spectral.estimator import SMALLEST_SIDE, assess_kernel, estimate_kernel

__all__ = ["SMALLEST_SIDE", "assess_kernel", "estimate_kernel"]
