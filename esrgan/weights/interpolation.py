"""Between two networks: weights mixed number by number."""

from __future__ import annotations

import torch
from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.weights.files import Weights

__all__ = ["interpolate_weights"]


def interpolate_weights(first: Weights, second: Weights, alpha: float) -> Weights:
    """Mix the weights of two networks of the same form.

    Parameters
    ----------
    first, second : Weights
        In ESRGAN: trained for PSNR, and from there on with a GAN.
    alpha : float
        From 0, the first network, to 1, the second.

    Returns
    -------
    Weights
        In float32; counters are those of the first.

    Raises
    ------
    InvalidValueError
        The networks differ in more than their numbers, or ``alpha`` is out of range.

    References
    ----------
    Wang et al., "ESRGAN", ECCVW 2018, §3.4, equation (12):
    ``(1 − alpha)·first + alpha·second``. For networks with BatchNorm, which the paper's has not,
    the gathered means and variances are mixed in the same way.
    """
    if not 0 <= alpha <= 1:
        raise InvalidValueError(f"alpha must be between 0 and 1, got {alpha}")
    if first.spec != second.spec:
        raise InvalidValueError(
            f"only networks of one form can be mixed, got {first.spec.describe()} and "
            f"{second.spec.describe()}"
        )
    mixed = {name: _mixed(t, second.state[name], alpha) for name, t in first.state.items()}
    return Weights(spec=first.spec, state=mixed)


def _mixed(first: Tensor, second: Tensor, alpha: float) -> Tensor:
    if not first.is_floating_point():
        return first
    # In double precision, so that equal networks give themselves whatever alpha is.
    return torch.lerp(first.double(), second.double(), alpha).float()
