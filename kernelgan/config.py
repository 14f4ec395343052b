"""The settings of the estimator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from typing import Literal

from degrade.errors import InvalidValueError

__all__ = ["KernelGANConfig"]

_CONV_SIZES = {2: (7, 5, 3, 1, 1, 1), 3: (9, 7, 5, 1, 1, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelGANConfig:
    """What an estimate depends on besides the photo and the seed.

    The defaults are the paper's and its released settings, but for the sparsity weight (released:
    5; docs/decisions/0002-kernelgan-from-the-paper.md has the measurements).

    Attributes
    ----------
    scale : {2, 3, 4}
        Downscaling factor of the kernel. 2 and 3 are estimated directly; 4 is the ×2 kernel
        composed with itself (paper, §4).
    iterations : int
        Steps of generator and discriminator, at least 1. 1500 is as good as 3000 on average, and
        nearly all kernels have settled by then.
    early_stop : bool
        Whether to end sooner once the kernel has settled: all terms at work and hardly a change
        over a quarter of the iterations so far
        (docs/decisions/0006-kernelgan-without-autograd.md has the measurements).
    constraints : {"kernelgan", "realsr"}
        ``kernelgan``: the data term fades and centre and sparsity terms take over; ``realsr``: the
        fixed set of Ji et al. (CVPRW 2020) — L1 data term, sum, boundary, adversarial — all of
        weight 1.
    channels : int
        Of the hidden layers of both networks.
    learning_rate : float
        Of both Adam optimisers (β = 0.5, 0.999).
    learning_rate_every : int
        Both learning rates are divided by 10 each time this many iterations are done.
    noise_level : float
        Standard deviation of the white noise on the discriminator's inputs, images on [-1, 1].
    bicubic_weight, sum_weight, boundary_weight, centre_weight, sparsity_weight : float
        Weights of the ``kernelgan`` terms beside the adversarial one, which has 1.
    bicubic_every : int
        Once the data term is small, its weight is divided by 100 at every multiple of this.
    """

    scale: int = 2
    iterations: int = 3000
    early_stop: bool = True
    constraints: Literal["kernelgan", "realsr"] = "kernelgan"
    channels: int = 64
    learning_rate: float = 2e-4
    learning_rate_every: int = 750
    noise_level: float = 1 / 255
    bicubic_weight: float = 5.0
    sum_weight: float = 0.5
    boundary_weight: float = 0.5
    centre_weight: float = 1.0
    sparsity_weight: float = 1.0
    bicubic_every: int = 200

    def __post_init__(self) -> None:
        if self.scale not in (2, 3, 4):
            raise InvalidValueError(f"scale must be 2, 3 or 4, got {self.scale}")
        if self.constraints not in ("kernelgan", "realsr"):
            raise InvalidValueError(
                f"constraints must be kernelgan or realsr, got {self.constraints!r}"
            )
        for name in ("iterations", "channels", "learning_rate_every", "bicubic_every"):
            if getattr(self, name) < 1:
                raise InvalidValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not (self.learning_rate > 0 and isfinite(self.learning_rate)):
            raise InvalidValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        for name in (f.name for f in fields(self) if f.name.endswith(("_weight", "_level"))):
            value = getattr(self, name)
            if not (value >= 0 and isfinite(value)):
                raise InvalidValueError(f"{name} must be at least 0, got {value}")
        for name in (f.name for f in fields(self) if f.type == "float"):
            object.__setattr__(self, name, float(getattr(self, name)))  # 1 and 1.0 are one setting

    @property
    def base_scale(self) -> int:
        """The factor that the networks are trained for."""
        return 2 if self.scale == 4 else self.scale

    @property
    def conv_sizes(self) -> tuple[int, ...]:
        """Kernel sizes of the generator's six convs."""
        return _CONV_SIZES[self.base_scale]

    @property
    def kernel_size(self) -> int:
        """K of the trained kernel: three LR pixels to each side, 6·s + 1 (13 at ×2, 19 at ×3)."""
        return sum(self.conv_sizes) - len(self.conv_sizes) + 1

    @property
    def lr_crop(self) -> int:
        """Side of the discriminator's crops: 26."""
        return 26

    @property
    def hr_crop(self) -> int:
        """Side of the generator's crops, 32·s (64 at ×2): 26 LR pixels and three on each side."""
        return self.base_scale * (self.lr_crop + 6)

    @property
    def smallest_side(self) -> int:
        """The smallest side a photo may have: room for crops that are not all the same."""
        return self.hr_crop * 3 // 2
