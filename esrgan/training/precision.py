"""Which precision a device computes in."""

from __future__ import annotations

import torch

from degrade.errors import InvalidValueError
from esrgan.training.config import Precision

__all__ = ["computes_in_bf16", "mixed_precision"]


def computes_in_bf16(precision: Precision, device: torch.device) -> bool:
    """Tell whether convolutions are to be computed in bfloat16.

    Parameters
    ----------
    precision : {"auto", "fp32", "bf16"}
        "auto" takes bfloat16 on GPUs whose hardware has it, never on CPUs: those without it need
        three times as long as for float32, and which have it cannot be asked portably.
    device : torch.device

    Raises
    ------
    InvalidValueError
        bf16 is asked of a GPU that cannot do it at all.
    """
    if precision == "fp32":
        return False
    if device.type != "cuda":
        return precision == "bf16"
    if precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise InvalidValueError("this GPU cannot compute in bf16; use `precision=fp32`")
    native: bool = torch.cuda.is_bf16_supported(including_emulation=False)
    return precision == "bf16" or native


def mixed_precision(bf16: bool, device: torch.device) -> torch.autocast:
    """Return a region in which convolutions and products are computed in bfloat16, or not.

    One for each pass through a network: inside a region PyTorch keeps converted weights, and those
    that a pass without gradients has converted would get none in the next one either.
    """
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16)
