"""What an image is enlarged on: the device, its precision, its memory."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

from degrade.errors import InvalidValueError

__all__ = ["UpscalingPrecision", "choose_device", "half_type", "tile_memory"]

UpscalingPrecision: TypeAlias = Literal["auto", "fp32", "bf16", "fp16"]

_CPU_BYTES = 2**31
_GPU_SHARE = 0.7
"""Of the free memory: the libraries want some for themselves."""


def choose_device(name: str) -> str:
    """Return a device that torch can compute on; "auto" is the GPU when there is one.

    Raises
    ------
    InvalidValueError
        The device cannot be used here.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name).tolist()
    except (RuntimeError, AssertionError) as error:
        # Torch adds a page of backends.
        reason = str(error).splitlines()[0].partition(". ")[0]
        raise InvalidValueError(
            f"device {name!r} cannot be used here: {reason}; cpu can, and is the default"
        ) from None
    return name


def half_type(
    precision: UpscalingPrecision, device: str, *, deep: bool = False
) -> torch.dtype | None:
    """Return the 16-bit type that convolutions are to be computed in; None: float32.

    Parameters
    ----------
    precision : {"auto", "fp32", "bf16", "fp16"}
        "auto" is float16 on GPUs, whose 11 binary digits are enough for 8-bit images but not for
        16-bit ones, and float32 elsewhere.
    device : str
    deep : bool
        The result has 16 bits.

    Raises
    ------
    InvalidValueError
        A 16-bit type is asked of a CPU.
    """
    on_gpu = torch.device(device).type == "cuda"
    if precision == "fp32" or (precision == "auto" and (deep or not on_gpu)):
        return None
    if not on_gpu:
        raise InvalidValueError(f"{precision} is for GPUs; on {device} leave `precision` at auto")
    return torch.bfloat16 if precision == "bf16" else torch.float16


def tile_memory(device: str, limit_gib: float | None) -> int:
    """Return the bytes that a tile may need.

    Parameters
    ----------
    device : str
    limit_gib : float or None
        None: 2 on CPUs, and on GPUs most of what is free.
    """
    if limit_gib is not None:
        return int(limit_gib * 2**30)
    if torch.device(device).type == "cuda":
        free, _total = torch.cuda.mem_get_info(torch.device(device))
        return int(_GPU_SHARE * free)
    return _CPU_BYTES
