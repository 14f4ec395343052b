"""Prior-based loss: what is known of photographs in general, held against SR."""

from __future__ import annotations

from torch import Tensor

from degrade.errors import InvalidValueError
from esrgan.losses.tensors import widened

__all__ = ["gradient_prior_loss"]


def gradient_prior_loss(sr_BCHW: Tensor, *, alpha: float = 2 / 3, epsilon: float = 1e-3) -> Tensor:
    """Return the mean of (∂ₓI² + ε²)^(α/2) plus that of (∂ᵧI² + ε²)^(α/2).

    The gradients of photographs are heavy-tailed: most are nearly 0, a few are large. Their
    density is about exp(−k·|∂I|^α) with α of 0.5 … 0.8, a hyper-Laplacian; this is its negative
    logarithm, up to k. Being concave, it prefers one strong edge over many faint ones, which total
    variation (α = 1) does not. ε keeps the slope finite at 0.

    Parameters
    ----------
    sr_BCHW : Tensor
        RGB on [0, 1]. ∂ are differences of neighbours, each channel for itself; the means are over
        batch, channels and places.
    alpha : float
        Above 0, at most 1.
    epsilon : float
        Above 0.

    Raises
    ------
    InvalidValueError
        ``alpha`` or ``epsilon`` is outside its range.

    Notes
    -----
    The survey (arXiv 1902.06068, §3.4, "Prior-Based Loss") has one example: the landmarks of a
    face alignment network, of SR and of HR (Super-FAN). That prior is about faces and needs
    weights; this one is about all photographs, looks at SR only and needs none, and is what
    "image prior" means elsewhere in super-resolution. A network of one's own that knows more can
    be given to the content loss (:class:`~esrgan.losses.features.FeatureNetwork`).

    Alone it is least for a flat image, so it belongs beside a loss that holds on to HR, with a
    small weight. It takes fine noise and faint texture away alike. No published weight is known
    for training SR networks.

    References
    ----------
    Krishnan and Fergus, "Fast Image Deconvolution using Hyper-Laplacian Priors", NeurIPS 2009,
    whose α of 2/3 this is; they have no ε, and weight the data term instead.
    """
    if not 0 < alpha <= 1 or not epsilon > 0:
        raise InvalidValueError(
            f"alpha must be in (0, 1] and epsilon above 0, got {alpha} and {epsilon}"
        )
    image_BCHW = widened(sr_BCHW)
    penalties = [
        (image_BCHW.diff(dim=axis).square() + epsilon**2).pow(alpha / 2).mean() for axis in (3, 2)
    ]
    return penalties[0] + penalties[1]
